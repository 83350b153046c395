/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A device that follows its stream, or stops to. */

#include "wire.h"

G_BEGIN_DECLS

/* What no socket of wire-network.h's holds, let alone takes. */
#define WIRE_TOO_MUCH (64 * 1024)

typedef struct
{
  int fd;
  GString *bytes; /* read, and not looked at yet */
} WireStream;

typedef enum
{
  WIRE_EVENT_SNAPSHOT,
  WIRE_EVENT_FAREWELL,
  WIRE_EVENT_CUT, /* the connection has ended; what came half is in `text` */
} WireEventKind;

typedef struct
{
  WireEventKind kind;
  guint64 version; /* of a snapshot */
  char *text; /* of a farewell: its name */
} WireEvent;

void wire_event_clear (WireEvent *event);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (WireEvent, wire_event_clear)

/* Asks for the stream of @device on @fd, which it takes, and reads up to the first comment. A
 * status other than 200 is a failure of the test. */
WireStream *wire_stream_new (int fd, const char *device, const char *headers);
/* The same, on a new connection. */
WireStream *wire_stream_open (Wire *wire, const char *device, const char *headers);
void wire_stream_close (WireStream *self);
/* With a reset instead of an orderly end. */
void wire_stream_reset (WireStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (WireStream, wire_stream_close)

/* The next event, comments left out. Fails on whatever the protocol does not allow. */
void wire_stream_next (WireStream *self, WireEvent *event);
/* The version of the next event, which is a snapshot. */
guint64 wire_stream_read_snapshot (WireStream *self);
/* Reads to the end: what the farewell was, "" without one; *@last: the highest version on the way
 * there, 0: none. (transfer full) */
char *wire_stream_read_end (WireStream *self, guint64 *last);

/* Sets a value of @device, which nobody but @self follows, and has it, twice: whatever the streams'
 * thread had to do before is done then. */
void wire_stream_pass (WireStream *self, Wire *wire, const char *device);
/* Gives @device more than its connection takes, if nobody reads there: when this returns the server
 * is in the middle of it. @other follows @other_device. The version. */
guint64 wire_fill (Wire *wire, const char *device, WireStream *other, const char *other_device);
/* The same, and proves that the server cannot write. The version that waits to be sent. */
guint64 wire_block (Wire *wire, const char *device, WireStream *other, const char *other_device);

G_END_DECLS

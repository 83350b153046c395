/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config-settings.h"
#include "config-snapshot.h"
#include "sse.h"

/* One connection to the server over which the values come, from the request to its end. */

enum config_stream_end
{
  CONFIG_STREAM_CUT, /* for whatever reason */
  CONFIG_STREAM_SUPERSEDED, /* another client has the device now */
  CONFIG_STREAM_TOLD, /* the server said why: revoked, deleted, shutdown */
};

struct config_stream
{
  struct config_settings *settings;
  void (*opened) (void *user);
  void (*snapshot) (void *user, struct config_snapshot *snapshot); /* it is the user's then */
  void (*ended) (void *user); /* what is below says how */
  void *user;

  struct exchange exchange;
  struct sse sse;
  uint64_t version; /* of the last snapshot of this stream, 0: none */
  int64_t opened_at; /* 0: it was not */
  enum config_stream_end end;
  char why[96]; /* for people */
};

void config_stream_begin (struct config_stream *stream, uint64_t last_version);
void config_stream_stop (struct config_stream *stream);
int64_t config_stream_get_duration (const struct config_stream *stream);

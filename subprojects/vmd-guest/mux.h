/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Several streams of bytes over one port of the host's; the guest's side. Nothing here touches a
 * descriptor: bytes that came go in by mux_take(), and those that are to go lie in the output. */

#define MUX_MAX_DATA 16384 /* of a frame */
#define MUX_FIRST_CREDIT 65536
#define MUX_MAX_CREDIT (1024 * 1024)
#define MUX_MAX_CONNECTIONS 8
#define MUX_MARK_LENGTH 16
#define MUX_HELLO_LENGTH (MUX_MARK_LENGTH + 8)
#define MUX_HEADER_LENGTH 9
#define MUX_OUTPUT_SIZE 32768

enum mux_kind
{
  MUX_OPEN = 1,
  MUX_DATA = 2,
  MUX_CREDIT = 3,
  MUX_CLOSE = 4,
};

/* What the two ends of a connection are told. After @ended there is no connection any more. Each
 * may close the connection, or open another. */
struct mux_user
{
  void (*data) (void *user, const char *bytes, size_t length);
  void (*writable) (void *user);
  void (*ended) (void *user);
};

struct mux_connection
{
  struct mux *mux;
  uint32_t id; /* 0: this place is free */
  const struct mux_user *functions;
  void *user;
  uint32_t may_send; /* bytes that the host will take */
  uint32_t may_come; /* bytes that the host may send */
  bool was_full; /* the user has more to send than went */
};

struct mux
{
  void (*began) (void *user); /* a session has: connections can be opened */
  void *user;

  bool has_session;
  uint32_t last_id;
  struct mux_connection connections[MUX_MAX_CONNECTIONS];

  /* Of what comes. */
  size_t n_mark; /* bytes of the mark that were just seen */
  size_t n_nonce; /* bytes of a hello's nonce that are still to come */
  uint64_t nonce;
  unsigned char header[MUX_HEADER_LENGTH + 4]; /* and what a CREDIT says */
  size_t n_header;
  uint32_t left; /* of a DATA frame */

  /* What is to go: from the start on, in order. */
  char output[MUX_OUTPUT_SIZE];
  size_t output_start;
  size_t output_length;
};

void mux_begin (struct mux *mux, void (*began) (void *user), void *user);
void mux_reset (struct mux *mux);
void mux_ask (struct mux *mux);
void mux_take (struct mux *mux, const char *bytes, size_t length);
void mux_acknowledge (struct mux *mux);
void mux_sent (struct mux *mux, size_t length);

struct mux_connection *mux_open (struct mux *mux, const struct mux_user *functions, void *user);
size_t mux_send (struct mux_connection *connection, const char *bytes, size_t length);
void mux_close (struct mux_connection *connection);

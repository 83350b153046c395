/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"
#include "http.h"

/* One request and its answer, over a connection of their own. */

#define EXCHANGE_MAX_REQUEST (10 * 1024)

enum exchange_end
{
  EXCHANGE_DONE, /* the answer is whole */
  EXCHANGE_CUT, /* or did not even begin */
  EXCHANGE_SILENT, /* nothing came for the lease */
  EXCHANGE_BROKEN, /* the problem is told */
  EXCHANGE_STOPPED, /* a function wanted no more */
};

struct exchange_functions
{
  bool (*head) (void *user);
  bool (*body) (void *user, const char *bytes, size_t length);
  void (*ended) (void *user, enum exchange_end end); /* always, and last */
};

struct exchange
{
  const struct exchange_functions *functions;
  void *user;
  struct connection connection;
  bool is_active;

  char request[EXCHANGE_MAX_REQUEST];
  size_t request_length;
  size_t n_sent;

  struct http_answer answer;
  bool has_told_head;
  struct loop_timer lease;
  int64_t lease_milliseconds;
  bool is_renewed; /* by each byte that comes */
};

void exchange_write (struct exchange *exchange, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
void exchange_begin (struct exchange *exchange, const struct route *route,
                     const struct exchange_functions *functions, void *user);
void exchange_stop (struct exchange *exchange);

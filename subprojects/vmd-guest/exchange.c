/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Adds to the request, before it begins. One that has no room for it can't begin. */
void
exchange_write (struct exchange *exchange, const char *format, ...)
{
  size_t room = sizeof exchange->request - exchange->request_length;
  va_list arguments;
  int n;

  va_start (arguments, format);
  n = vsnprintf (exchange->request + exchange->request_length, room, format, arguments);
  va_end (arguments);
  exchange->request_length += n < 0 || (size_t) n > room ? room : (size_t) n;
}

/* The one way out. */
static void
finish (struct exchange *exchange, enum exchange_end end)
{
  loop_clear_timer (&exchange->lease);
  connection_close (&exchange->connection);
  exchange->is_active = false;
  exchange->request_length = 0;
  exchange->functions->ended (exchange->user, end);
}

static void
silent (void *data)
{
  finish (data, EXCHANGE_SILENT);
}

static bool
tell_head (struct exchange *exchange)
{
  if (exchange->has_told_head || !http_answer_has_head (&exchange->answer))
    return true;

  exchange->has_told_head = true;
  return exchange->functions->head (exchange->user);
}

static bool
take_body (const char *bytes, size_t length, void *user)
{
  struct exchange *exchange = user;

  return tell_head (exchange) && exchange->functions->body (exchange->user, bytes, length);
}

static void
data_came (void *user, const char *bytes, size_t length)
{
  struct exchange *exchange = user;
  bool good = http_answer_feed (&exchange->answer, bytes, length, take_body, exchange) &&
              tell_head (exchange);

  if (!good)
    finish (exchange, exchange->answer.problem != NULL ? EXCHANGE_BROKEN : EXCHANGE_STOPPED);
  else if (exchange->answer.state == HTTP_DONE)
    finish (exchange, EXCHANGE_DONE);
  else if (exchange->is_renewed)
    loop_set_timer (&exchange->lease, exchange->lease_milliseconds);
}

static void
writable (void *user)
{
  struct exchange *exchange = user;

  if (exchange->n_sent < exchange->request_length)
    exchange->n_sent +=
        connection_send (&exchange->connection, exchange->request + exchange->n_sent,
                         exchange->request_length - exchange->n_sent);
}

static void
connection_ended (void *user)
{
  struct exchange *exchange = user;

  finish (exchange,
          http_answer_end (&exchange->answer) && exchange->has_told_head && !exchange->is_renewed
              ? EXCHANGE_DONE
              : EXCHANGE_CUT);
}

/* Sends what was written. Its end may be told before this returns. */
void
exchange_begin (struct exchange *exchange, const struct route *route,
                const struct exchange_functions *functions, void *user)
{
  static const struct connection_functions connection_functions = { data_came, writable,
                                                                    connection_ended };

  exchange->functions = functions;
  exchange->user = user;
  exchange->is_active = true;
  exchange->n_sent = 0;
  exchange->has_told_head = false;
  exchange->lease.expired = silent;
  exchange->lease.data = exchange;
  http_answer_begin (&exchange->answer);
  if (exchange->request_length == sizeof exchange->request ||
      !connection_open (&exchange->connection, route, &connection_functions, exchange))
    {
      finish (exchange, EXCHANGE_CUT);
      return;
    }

  loop_set_timer (&exchange->lease, exchange->lease_milliseconds);
  /* A socket says itself when it is connected. */
  if (exchange->connection.shared != NULL)
    writable (exchange);
}

/* Its end is not told. */
void
exchange_stop (struct exchange *exchange)
{
  if (!exchange->is_active)
    return;

  loop_clear_timer (&exchange->lease);
  connection_close (&exchange->connection);
  exchange->is_active = false;
  exchange->request_length = 0;
}

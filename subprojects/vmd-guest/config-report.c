/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* One request at a time, and the last report is the one that counts: so what came before is never
 * told after it. */

#include "config-report.h"
#include "config-retry.h"
#include "report.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_DEADLINE (25 * 1000) /* milliseconds */

static void start (struct config_report *report);

/* One character of @length bytes as a JSON string has it. */
static size_t
put_character (char *text, const char *character, size_t length)
{
  unsigned char byte = (unsigned char) *character;

  if (length == 1 && (byte == '"' || byte == '\\'))
    return (size_t) sprintf (text, "\\%c", byte);
  if (length == 1 && (byte < 0x20 || byte == 0x7f))
    return (size_t) sprintf (text, "\\u%04x", byte);

  memcpy (text, character, length);
  return length;
}

/* Cut between characters, and with '?' for what is none. */
static size_t
put_message (char *text, const char *message)
{
  size_t left = strlen (message);
  size_t length = 0;
  size_t n_told = 0;

  while (left > 0)
    {
      size_t n = 1;

      while (n < 4 && n < left && utf8_valid_length (message, n) != n)
        n++;
      if (n_told + n > CONFIG_REPORT_MAX_MESSAGE)
        break;
      if (utf8_valid_length (message, n) == n)
        length += put_character (text + length, message, n);
      else
        {
          n = 1;
          text[length++] = '?';
        }
      n_told += n;
      message += n;
      left -= n;
    }

  return length;
}

/* Into CONFIG_REPORT_MAX_BODY bytes; returns how many it took. @failure: NULL: there was none. */
size_t
config_report_write_body (char *body, uint64_t version, const char *failure)
{
  size_t length =
      (size_t) sprintf (body, "{\"version\":%" PRIu64 ",\"status\":\"%s\",\"message\":\"", version,
                        failure == NULL ? "ok" : "failed");

  length += put_message (body + length, failure != NULL ? failure : "");
  strcpy (body + length, "\"}");
  return length + 2;
}

static void
retry (void *data)
{
  start (data);
}

/* Would asking again be of use? The token may be replaced, and the server may have time. */
static bool
is_final (unsigned int status)
{
  return status == 409 || (config_retry_is_refusal (status) && status != 401);
}

static void
take_failure (struct config_report *report)
{
  const struct http_answer *answer = &report->exchange.answer;
  bool is_final_answer = report->exchange.has_told_head && is_final (answer->status);
  unsigned int status = report->exchange.has_told_head ? answer->status : 0;
  int64_t wait = config_retry_when_answered (status, answer->retry_after, report->n_failures,
                                             config_settings_chance ());

  if (is_final_answer)
    {
      report_note ("the report was answered with the status %u, and is not told again", status);
      if (!report->is_newer)
        report->body[0] = '\0';
      return;
    }
  report->n_failures++;
  if (!report->is_held && !report->is_newer)
    loop_set_timer (&report->retry, config_settings_scale (report->settings, wait));
}

/* The one way out of a request. */
static void
ended (void *user, enum exchange_end end)
{
  struct config_report *report = user;

  if (end != EXCHANGE_DONE || report->exchange.answer.status != 204)
    take_failure (report);
  else
    {
      report->n_failures = 0;
      if (!report->is_newer)
        report->body[0] = '\0';
    }
  if (!report->retry.is_set)
    start (report);
}

static bool
take_head (void *user)
{
  return true;
}

static bool
take_body (void *user, const char *bytes, size_t length)
{
  return true;
}

/* Without a way to the server nothing is begun: when there is one, it is. */
static void
start (struct config_report *report)
{
  static const struct exchange_functions functions = { take_head, take_body, ended };
  struct exchange *exchange = &report->exchange;

  if (report->body[0] == '\0' || exchange->is_active || report->is_held ||
      !route_is_ready (&report->settings->route))
    return;
  report->is_newer = false;
  if (!config_settings_write_head (report->settings, exchange, "PUT", "applied"))
    {
      loop_set_timer (&report->retry,
                      config_settings_scale (report->settings, CONFIG_RETRY_LONGEST));
      return;
    }

  exchange_write (exchange, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                  strlen (report->body), report->body);
  exchange_begin (exchange, &report->settings->route, &functions, report);
}

void
config_report_begin (struct config_report *report)
{
  report->retry.expired = retry;
  report->retry.data = report;
  report->exchange.lease_milliseconds = config_settings_scale (report->settings, ANSWER_DEADLINE);
}

/* While another client has the device, what we did is of no interest. */
void
config_report_set_held (struct config_report *report, bool is_held)
{
  report->is_held = is_held;
  loop_clear_timer (&report->retry);
  if (is_held)
    exchange_stop (&report->exchange);
  else
    start (report);
}

/* @failure: why @version could not be applied; NULL: it was. */
void
config_report_send (struct config_report *report, uint64_t version, const char *failure)
{
  config_report_write_body (report->body, version, failure);
  report->is_newer = report->exchange.is_active;
  loop_clear_timer (&report->retry);
  start (report);
}

/* The server can be reached, perhaps again. */
void
config_report_route_ready (struct config_report *report)
{
  if (!report->retry.is_set)
    start (report);
}

/* Gives up what was not told. */
void
config_report_stop (struct config_report *report)
{
  report->body[0] = '\0';
  config_report_set_held (report, true);
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* What host and agent say to each other: lines of printable ASCII, at most 4096 bytes with their
 * end.
 *   host → guest   <id> <verb> [argument]
 *   guest → host   <id> ok [key=value …]   or   <id> error <text>
 * Verbs:
 *   status [ms]    boot_id= ssh= provisioned= message= (percent-encoded); with a number, the answer
 *                  is held back for that long, unless all is ready before: the host learns of it at
 *                  once and asks seldom
 *   sync           after all is on the disk
 *   poweroff       is answered before it begins
 *   clock <µs>     sets the clock
 * File syncs and first-boot hooks will count for `provisioned` when there are any. A line that
 * cannot be understood is answered with an error, with the id "-" if it has none; empty lines are
 * skipped, so that a host may begin with one to end what a predecessor left.
 *
 * The port is a virtio-serial one, named "org.vmd.agent.0"; the host's side is
 * libvmd/guest/vmd-agent.c. */

#include "agent.h"
#include "file.h"
#include "poweroff.h"
#include "report.h"
#include "seed.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SSH_PORT 22
#define ID_MAX 32
#define MESSAGE_MAX 255

/* A state of TCP in /proc/net/tcp. */
#define TCP_LISTENING 0x0a

/* For a host that does not read to begin again; then its answer is dropped. */
#define WRITE_MILLISECONDS 5000
/* The longest that a status is held back, and how often it is looked at meanwhile. */
#define HOLD_MAX_MILLISECONDS 1000
#define HOLD_INTERVAL_MILLISECONDS 10

void
agent_reset (struct agent *agent)
{
  agent->length = 0;
  agent->overlong = false;
}

static void
send_line (struct agent *agent, const char *line, size_t length)
{
  while (length > 0)
    {
      struct pollfd writable = { .fd = agent->fd, .events = POLLOUT };
      ssize_t n = write (agent->fd, line, length);

      if (n > 0)
        {
          line += n;
          length -= (size_t) n;
          continue;
        }
      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0 || errno != EAGAIN || poll (&writable, 1, WRITE_MILLISECONDS) <= 0 ||
          (writable.revents & (POLLHUP | POLLERR)) != 0)
        return;
    }
}

static void __attribute__ ((format (printf, 3, 4)))
answer (struct agent *agent, const char *id, const char *format, ...)
{
  char line[AGENT_LINE_MAX];
  int begin = snprintf (line, sizeof line, "%s ", id);
  va_list arguments;
  int length;

  va_start (arguments, format);
  length = vsnprintf (line + begin, sizeof line - (size_t) begin - 1, format, arguments);
  va_end (arguments);
  if (length < 0 || begin + length > (int) sizeof line - 2)
    length = (int) sizeof line - 2 - begin;
  line[begin + length] = '\n';
  send_line (agent, line, (size_t) (begin + length) + 1);
}

/* Does a line of /proc/net/tcp or tcp6 say that something listens on the SSH port? */
static bool
has_listener (const char *path)
{
  char line[512];
  bool found = false;
  FILE *file = fopen (path, "re");

  if (file == NULL)
    return false;
  while (!found && fgets (line, sizeof line, file) != NULL)
    {
      unsigned int port;
      unsigned int state;

      found = sscanf (line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &port, &state) == 2 &&
              port == SSH_PORT && state == TCP_LISTENING;
    }
  fclose (file);

  return found;
}

static bool
is_ssh_listening (void)
{
  return has_listener ("/proc/net/tcp") || has_listener ("/proc/net/tcp6");
}

/* The problems so far, cut to what the host takes, with all but letters, digits and a few signs
 * as %XX. */
static void
read_message (char *encoded)
{
  char text[MESSAGE_MAX + 1];
  char *next = encoded;
  FILE *file = fopen (REPORT_MESSAGE_PATH, "re");
  size_t length = 0;

  if (file != NULL)
    {
      length = fread (text, 1, MESSAGE_MAX, file);
      fclose (file);
    }
  while (length > 0 && text[length - 1] == '\n')
    length--;

  for (size_t i = 0; i < length; i++)
    {
      unsigned char c = text[i] == '\n' ? ';' : (unsigned char) text[i];
      bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      strchr ("-._/:", c) != NULL;

      next += sprintf (next, is_plain && c != '\0' ? "%c" : "%%%02X", c);
    }
  *next = '\0';
}

static void
hold_until_ready (long milliseconds)
{
  const struct timespec interval = { .tv_nsec = HOLD_INTERVAL_MILLISECONDS * 1000000 };

  for (; milliseconds > 0 && !(file_exists (SEED_PROVISIONED) && is_ssh_listening ());
       milliseconds -= HOLD_INTERVAL_MILLISECONDS)
    nanosleep (&interval, NULL);
}

/* A number in decimal digits and nothing else; -1 if it is none. */
static int64_t
parse_number (const char *text)
{
  char *end;
  long long number;

  errno = 0;
  number = strtoll (text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
    return -1;

  return number;
}

static void
obey_status (struct agent *agent, const char *id, const char *argument)
{
  char boot_id[64];
  char message[MESSAGE_MAX * 3 + 1];
  int64_t hold = argument != NULL ? parse_number (argument) : 0;

  if (hold < 0 || hold > HOLD_MAX_MILLISECONDS)
    {
      answer (agent, id, "error status takes 0 to %d milliseconds", HOLD_MAX_MILLISECONDS);
      return;
    }
  hold_until_ready ((long) hold);
  if (!file_read_line ("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id))
    {
      answer (agent, id, "error the kernel tells no boot id");
      return;
    }
  read_message (message);
  answer (agent, id, "ok boot_id=%s ssh=%d provisioned=%d message=%s", boot_id, is_ssh_listening (),
          file_exists (SEED_PROVISIONED), message);
}

static void
obey_sync (struct agent *agent, const char *id, const char *argument)
{
  sync ();
  answer (agent, id, "ok");
}

static void
obey_poweroff (struct agent *agent, const char *id, const char *argument)
{
  answer (agent, id, "ok");
  if (!agent->rehearse)
    sync ();
  poweroff_request (agent->rehearse);
}

static void
obey_clock (struct agent *agent, const char *id, const char *argument)
{
  int64_t wall = argument != NULL ? parse_number (argument) : -1;
  struct timespec time = { .tv_sec = wall / 1000000, .tv_nsec = wall % 1000000 * 1000 };

  if (wall <= 0)
    answer (agent, id, "error clock takes microseconds since 1970");
  else if (!agent->rehearse && clock_settime (CLOCK_REALTIME, &time) < 0)
    answer (agent, id, "error cannot set the clock: %s", strerror (errno));
  else
    answer (agent, id, "ok");
}

static const struct
{
  const char *name;
  void (*obey) (struct agent *agent, const char *id, const char *argument);
} verbs[] = {
  { "status", obey_status },
  { "sync", obey_sync },
  { "poweroff", obey_poweroff },
  { "clock", obey_clock },
};

static bool
is_id (const char *text)
{
  size_t length = strspn (text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");

  return length > 0 && length <= ID_MAX && text[length] == '\0';
}

/* Does what @line asks for; the line is cut up. */
void
agent_obey (struct agent *agent, char *line)
{
  char *rest = line;
  const char *id = strsep (&rest, " ");
  const char *verb = strsep (&rest, " ");

  if (!is_id (id))
    {
      answer (agent, "-", "error the line has no id");
      return;
    }
  if (verb == NULL)
    {
      answer (agent, id, "error the line has no verb");
      return;
    }
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
    if (strcmp (verbs[i].name, verb) == 0)
      {
        verbs[i].obey (agent, id, rest);
        return;
      }

  answer (agent, id, "error this agent does not know the verb");
}

static void
end_line (struct agent *agent)
{
  bool overlong = agent->overlong;
  size_t length = agent->length;

  agent->line[length] = '\0';
  agent_reset (agent);
  if (overlong)
    answer (agent, "-", "error the line is longer than %d bytes", AGENT_LINE_MAX);
  else if (length > 0)
    agent_obey (agent, agent->line);
}

/* Takes what the host sent, in whatever pieces, and obeys the lines in it. */
void
agent_take (struct agent *agent, const char *data, size_t length)
{
  for (size_t i = 0; i < length; i++)
    {
      if (data[i] == '\n')
        end_line (agent);
      else if (agent->length == sizeof agent->line - 1)
        agent->overlong = true;
      else
        /* What is not printable fits no id and no verb, and is not echoed either. */
        agent->line[agent->length++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
    }
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* One stream after another, with a wait between them that depends on how the last one ended; what
 * comes is applied, and what became of that reported, both beside the stream: a hook that takes
 * long makes nobody deaf.
 *
 * Over the port there may be no host to speak to: while vmd is away or has not come yet. That is no
 * failure of a stream: it is begun when the host is there, at once, and the waits do not grow. */

#include "config-client.h"
#include "config-apply.h"
#include "config-report.h"
#include "config-retry.h"
#include "config-stream.h"
#include "report.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct
{
  struct config_settings *settings;
  struct config_stream stream;
  struct config_apply apply;
  struct config_report report;
  struct loop_watch signals;
  struct loop_timer retry;
  bool has_stream;
  bool waits_for_host; /* a stream is due */
  unsigned int n_failures; /* in a row */
  uint64_t last_version; /* received; 0: none */
  bool is_stopping;
} client;

static void
quit_when_idle (void)
{
  if (client.is_stopping && !client.apply.is_busy)
    loop_quit ();
}

static void
connect_stream (void)
{
  client.waits_for_host = !route_is_ready (&client.settings->route);
  if (client.waits_for_host)
    return;

  client.has_stream = true;
  config_stream_begin (&client.stream, client.last_version);
}

static void
retry (void *data)
{
  connect_stream ();
}

static void
host_came (void *user)
{
  if (client.is_stopping)
    return;
  if (client.waits_for_host)
    connect_stream ();
  config_report_route_ready (&client.report);
}

static void
stream_opened (void *user)
{
  report_note ("connected to %s", client.settings->url);
  config_report_set_held (&client.report, false);
}

static void
snapshot_came (void *user, struct config_snapshot *snapshot)
{
  client.last_version = snapshot->version;
  config_apply_take (&client.apply, snapshot);
}

/* Milliseconds, unscaled. */
static int64_t
get_wait (void)
{
  const struct exchange *exchange = &client.stream.exchange;
  int64_t good = config_settings_scale (client.settings, CONFIG_RETRY_GOOD);
  uint32_t chance = config_settings_chance ();
  unsigned int status = exchange->has_told_head ? exchange->answer.status : 0;

  if (client.stream.end == CONFIG_STREAM_SUPERSEDED)
    {
      client.n_failures = 0;
      config_report_set_held (&client.report, true);
      return config_retry_when_superseded (chance);
    }
  if (config_stream_get_duration (&client.stream) >= good)
    client.n_failures = 0;
  return config_retry_when_answered (status, exchange->answer.retry_after, client.n_failures++,
                                     chance);
}

static void
stream_ended (void *user)
{
  int64_t wait = get_wait ();

  client.has_stream = false;
  report_note ("%s; trying again in %" PRId64 ".%" PRId64 " s", client.stream.why, wait / 1000,
               wait % 1000 / 100);
  loop_set_timer (&client.retry, config_settings_scale (client.settings, wait));
}

static void
applied (void *user, uint64_t version, const char *failure)
{
  if (client.is_stopping)
    {
      quit_when_idle ();
      return;
    }
  if (failure == NULL)
    report_note ("applied version %" PRIu64, version);
  else
    report_note ("could not apply version %" PRIu64, version);
  config_report_send (&client.report, version, failure);
}

static void
stop (void)
{
  if (client.is_stopping)
    return;

  client.is_stopping = true;
  loop_clear_timer (&client.retry);
  config_stream_stop (&client.stream);
  config_report_stop (&client.report);
  config_apply_stop (&client.apply);
  quit_when_idle ();
}

/* Somebody has put something right: the hook, the disk. */
static void
try_again (void)
{
  if (client.is_stopping)
    return;

  config_apply_again (&client.apply);
  if (!client.has_stream)
    {
      loop_clear_timer (&client.retry);
      client.n_failures = 0;
      connect_stream ();
    }
}

static void
signal_came (void *data, uint32_t events)
{
  struct signalfd_siginfo signal;

  if (read (client.signals.fd, &signal, sizeof signal) != sizeof signal)
    return;
  if (signal.ssi_signo == SIGCHLD)
    config_hook_reap (&client.apply.hook);
  else if (signal.ssi_signo == SIGHUP)
    try_again ();
  else
    stop ();
}

static bool
watch_signals (void)
{
  sigset_t signals;

  sigemptyset (&signals);
  sigaddset (&signals, SIGCHLD);
  sigaddset (&signals, SIGHUP);
  sigaddset (&signals, SIGINT);
  sigaddset (&signals, SIGTERM);
  sigprocmask (SIG_BLOCK, &signals, NULL);
  client.signals.ready = signal_came;
  client.signals.fd = signalfd (-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);

  return (client.signals.fd >= 0 && loop_add (&client.signals, EPOLLIN)) ||
         report_errno ("cannot wait for signals");
}

/* @hook_deadline: in milliseconds. */
bool
config_client_run (struct config_settings *settings, int64_t hook_deadline)
{
  if (!loop_begin () || !watch_signals ())
    return false;

  client.settings = settings;
  client.retry.expired = retry;
  client.stream.settings = settings;
  client.stream.opened = stream_opened;
  client.stream.snapshot = snapshot_came;
  client.stream.ended = stream_ended;
  client.apply.settings = settings;
  client.apply.applied = applied;
  client.apply.hook.deadline = hook_deadline;
  client.report.settings = settings;
  config_apply_begin (&client.apply);
  config_report_begin (&client.report);
  if (settings->route.port != NULL)
    mux_port_begin (settings->route.port, settings->route.port->name, host_came, NULL);
  connect_stream ();
  loop_run ();
  return true;
}

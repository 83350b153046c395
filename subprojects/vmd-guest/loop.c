/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Time is CLOCK_BOOTTIME, which goes on while the machine is suspended: a peer's silence is as
 * long as it was for the peer, and what was due in the meantime is so at once. That would be
 * unfair to what has arrived in the meantime as well; so descriptors come before times, as far as
 * nobody can keep times waiting for ever by sending. Events are taken one at a time: what the first
 * one's owner takes away can then not be among those still to be told. */

#include "loop.h"
#include "report.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Of events that go before a time that is due. */
#define MAX_EVENTS_BEFORE 64

static int epoll_fd = -1;
static int timer_fd = -1;
static struct loop_timer *timers;
static bool is_time; /* the earliest may be due */
static bool is_over;

bool
loop_begin (void)
{
  struct epoll_event wanted = { .events = EPOLLIN };

  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  timer_fd = timerfd_create (CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (epoll_fd < 0 || timer_fd < 0 || epoll_ctl (epoll_fd, EPOLL_CTL_ADD, timer_fd, &wanted) < 0)
    return report_errno ("cannot wait for anything");

  return true;
}

/* Milliseconds since the machine was started. */
int64_t
loop_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
loop_add (struct loop_watch *watch, uint32_t events)
{
  struct epoll_event wanted = { .events = events, .data.ptr = watch };

  return epoll_ctl (epoll_fd, EPOLL_CTL_ADD, watch->fd, &wanted) == 0;
}

void
loop_change (struct loop_watch *watch, uint32_t events)
{
  struct epoll_event wanted = { .events = events, .data.ptr = watch };

  epoll_ctl (epoll_fd, EPOLL_CTL_MOD, watch->fd, &wanted);
}

/* The descriptor is still the caller's to close. */
void
loop_remove (struct loop_watch *watch)
{
  epoll_ctl (epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

static void
arm (void)
{
  struct itimerspec when = { 0 };
  struct loop_timer *timer;
  int64_t earliest = INT64_MAX;

  for (timer = timers; timer != NULL; timer = timer->next)
    if (timer->due < earliest)
      earliest = timer->due;
  if (timers != NULL)
    {
      when.it_value.tv_sec = (time_t) (earliest / 1000);
      when.it_value.tv_nsec = (long) (earliest % 1000) * 1000000;
    }
  timerfd_settime (timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Also to set it anew. */
void
loop_set_timer (struct loop_timer *timer, int64_t milliseconds)
{
  timer->due = loop_now () + milliseconds;
  if (!timer->is_set)
    {
      timer->next = timers;
      timers = timer;
      timer->is_set = true;
    }
  arm ();
}

void
loop_clear_timer (struct loop_timer *timer)
{
  struct loop_timer **place = &timers;

  if (!timer->is_set)
    return;
  while (*place != timer)
    place = &(*place)->next;
  *place = timer->next;
  timer->is_set = false;
  arm ();
}

static struct loop_timer *
find_due (int64_t now)
{
  struct loop_timer *timer = timers;

  while (timer != NULL && timer->due > now)
    timer = timer->next;

  return timer;
}

/* Those that are due at this moment; one that is set meanwhile has its turn next time. */
static void
run_timers (void)
{
  int64_t now = loop_now ();
  struct loop_timer *timer;

  is_time = false;
  while (!is_over && (timer = find_due (now)) != NULL)
    {
      loop_clear_timer (timer);
      timer->expired (timer->data);
    }
  arm ();
}

static void
dispatch (const struct epoll_event *event)
{
  const struct loop_watch *watch = event->data.ptr;
  uint64_t n;

  if (watch != NULL)
    watch->ready (watch->data, event->events);
  else if (read (timer_fd, &n, sizeof n) > 0)
    is_time = true;
}

/* Until loop_quit(). */
void
loop_run (void)
{
  int n_events = 0;

  while (!is_over)
    {
      struct epoll_event event;
      int n = epoll_wait (epoll_fd, &event, 1, is_time ? 0 : -1);

      if (n > 0)
        dispatch (&event);
      n_events = is_time ? n_events + 1 : 0;
      if (is_time && (n <= 0 || n_events > MAX_EVENTS_BEFORE))
        {
          n_events = 0;
          run_timers ();
        }
    }
}

void
loop_quit (void)
{
  is_over = true;
}

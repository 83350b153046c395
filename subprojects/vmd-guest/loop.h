/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The one place in which a program waits: for descriptors and for times. Nothing here is freed by
 * the loop; who is called may take away whatever he likes. */

struct loop_watch
{
  int fd;
  void (*ready) (void *data, uint32_t events); /* as epoll tells them */
  void *data;
};

struct loop_timer
{
  void (*expired) (void *data);
  void *data;
  int64_t due; /* by loop_now() */
  struct loop_timer *next; /* in the list of those that are set */
  bool is_set;
};

bool loop_begin (void);
int64_t loop_now (void);

bool loop_add (struct loop_watch *watch, uint32_t events);
void loop_change (struct loop_watch *watch, uint32_t events);
void loop_remove (struct loop_watch *watch);

void loop_set_timer (struct loop_timer *timer, int64_t milliseconds);
void loop_clear_timer (struct loop_timer *timer);

void loop_run (void);
void loop_quit (void);

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#define UNPACK_INPUT_SIZE (1024 * 1024)

/* The stream, a large piece at a time: what is in [begin, end) of @data is read and not yet used.
 */
struct unpack_input
{
  int fd;
  sigset_t wait_mask; /* the signal mask while waiting: outside of it, signals stay pending */
  size_t begin;
  size_t end;
  unsigned char data[UNPACK_INPUT_SIZE];
};

/* Set by the signal handler. */
extern volatile sig_atomic_t unpack_signal;

void unpack_input_open (struct unpack_input *self, int fd, const sigset_t *wait_mask);
bool unpack_input_take (struct unpack_input *self, size_t length, const unsigned char **bytes);
bool unpack_input_take_some (struct unpack_input *self, size_t at_most, const unsigned char **bytes,
                             size_t *length);
bool unpack_input_expect_last (struct unpack_input *self, const char *last);

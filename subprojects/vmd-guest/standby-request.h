/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What standby says on its standard output, and what it is sent, version 1. The other end is
 * libvmd/transport/vmd-ssh-standby.c.
 *
 * A request is four bytes, the length of the rest with the highest first, and then strings, each
 * with a zero byte at its end: the directory, or "" for the one that is there; the same command as
 * a line for a shell; "NAME=value" for each variable, and "" after the last; the program and its
 * arguments. */
#define STANDBY_READY "vmd-guest standby 1\n"
#define STANDBY_BEGUN "begun\n"

/* Bytes after the length. */
#define STANDBY_REQUEST_MAX (128 * 1024)

struct standby_request
{
  const char *directory; /* NULL: the one that is there */
  const char *line;
  char **environment; /* ends with NULL, as all of these */
  size_t n_environment;
  char **arguments; /* at least the program */
  char *bytes; /* what all of it points into */
};

enum standby_input
{
  STANDBY_INPUT_REQUEST,
  STANDBY_INPUT_ENDED, /* before the first byte */
  STANDBY_INPUT_BAD,
};

enum standby_input standby_request_read (struct standby_request *self, int fd);
bool standby_request_parse (struct standby_request *self, char *bytes, size_t length);
void standby_request_clear (struct standby_request *self);

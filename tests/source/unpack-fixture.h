/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* vmd-guest unpack as a program, below a directory that is its guest's root. */

#include <gio/gio.h>

#include "subprojects/vmd-guest/unpack.h"

G_BEGIN_DECLS

typedef struct
{
  char *root; /* the guest's root directory */
  char *target; /* <root>/work/tree: where trees go */
} Guest;

void guest_set_up (Guest *self, gconstpointer data);
void guest_tear_down (Guest *self, gconstpointer data);

/* Starts the program on @input, which it takes; @output gets what it says on both its streams. */
pid_t unpack_start (Guest *self, int input, const char *const *options, int *output);
/* Waits for its end. Returns its status as of waitpid(). */
int unpack_finish (pid_t pid, int output, char **said);
/* Unpacks @length bytes to the target. Returns the exit status. */
int unpack_bytes (Guest *self, const void *bytes, gsize length, gboolean replace, char **said);
int unpack (Guest *self, const GByteArray *tar, gboolean replace, char **said);
/* A file of @bytes, open at its beginning. */
int memory_file (const void *bytes, gsize length);

/* The number of entries in a directory of the guest; 0 also if there is none. */
guint count_entries (Guest *self, const char *name);
/* Neither the tree nor anything of its making. */
void assert_nothing (Guest *self);
void assert_content (Guest *self, const char *name, const char *expected);
/* directory/file with @content, an executable "script", and a link. */
GByteArray *make_small_tar (const char *content);

G_END_DECLS

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An apt of the tests' own: the real one's words, without its network. Its server is a directory of
 * packages. Of other files there, "stale" means that the host's lists name what the server no
 * longer has, "down" that there is no network, "hang" that there is one which says nothing, and
 * "gate", a fifo, that there is an answer when somebody has written to it. */

#include <glib.h>

/* Puts it before the host's in PATH. Before any thread is there. @directory: private. */
void fake_apt_install (const char *directory);
void fake_apt_publish (const char *file, const char *text);
void fake_apt_withdraw (const char *file);
/* What a tiny image is made of: busybox-static, dropbear-bin, libone, libtwo. */
void fake_apt_publish_tiny (void);
/* Takes away all that was published. */
void fake_apt_reset (void);
GByteArray *fake_apt_make_package (const char *control, const char *path, const char *content);
/* Takes @bytes. */
void fake_apt_publish_bytes (const char *file, GByteArray *bytes);
/* What it was asked for since the last time: "download? one two;" is the question, without "?" the
 * deed. */
char *fake_apt_dup_log (void);
/* From now on it waits; and lets go on who waits. */
void fake_apt_close_gate (void);
void fake_apt_open_gate (void);
/* Blocks until it was asked. */
void fake_apt_wait_asked (void);

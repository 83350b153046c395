/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-apt.h"

#include "archive-maker.h"
#include "base/vmd-state-dir-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static const char apt_get[] =
    "#!/bin/sh\n"
    "server=$VMD_TEST_SERVER\n"
    "own= print=\n"
    "for word; do\n"
    "  case $word in\n"
    "    -oDir::State::Lists=*) own=1 ;;\n"
    "    --print-uris) print=1 ;;\n"
    "    -*) ;;\n"
    "    *) break ;;\n"
    "  esac\n"
    "  shift\n"
    "done\n"
    "verb=$1; shift\n"
    "echo \"$verb${print:+?} $*\" >> \"$server/log\"\n"
    "[ ! -e \"$server/hang\" ] || exec sleep 1000\n"
    "[ ! -p \"$server/gate\" ] || cat \"$server/gate\" > /dev/null\n"
    "if [ -e \"$server/down\" ] && [ -z \"$print\" ]; then\n"
    "  echo 'E: Failed to fetch: no route to host' >&2; exit 100\n"
    "fi\n"
    "[ \"$verb\" != update ] || exit 0\n"
    "if [ -e \"$server/stale\" ] && [ -z \"$own\" ] && [ -z \"$print\" ]; then\n"
    "  echo 'E: Failed to fetch: 404 Not Found' >&2; exit 100\n"
    "fi\n"
    "for package; do\n"
    "  file=$(cd \"$server\" && echo \"$package\"_*.deb)\n"
    "  if [ ! -e \"$server/$file\" ]; then\n"
    "    echo \"E: Unable to locate package $package\" >&2; exit 100\n"
    "  fi\n"
    "  if [ -n \"$print\" ]; then\n"
    "    echo \"'http://test/$file' $file $(wc -c < \"$server/$file\") SHA256:0\"\n"
    "  else\n"
    "    cp \"$server/$file\" .\n"
    "  fi\n"
    "done\n";

static const char apt_cache[] =
    "#!/bin/sh\n"
    "for last; do :; done\n"
    "case $last in\n"
    "  meta | linux-image-cloud-amd64) ;;\n"
    "  *) echo 'E: No packages found' >&2; exit 100 ;;\n"
    "esac\n"
    "printf 'Package: meta\\nDepends: base (>= 1), linux-image-9 | other\\n\\n'\n";

static char *server;

static void
install_program (const char *bin, const char *name, const char *script)
{
  g_autofree char *path = g_build_filename (bin, name, NULL);

  write_file (path, script, strlen (script));
  g_assert_cmpint (g_chmod (path, 0700), ==, 0);
}

void
fake_apt_install (const char *directory)
{
  g_autofree char *bin = g_build_filename (directory, "bin", NULL);
  g_autofree char *search = g_strdup_printf ("%s:%s", bin, g_getenv ("PATH"));

  server = g_build_filename (directory, "server", NULL);
  g_assert_cmpint (g_mkdir_with_parents (bin, 0700), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (server, 0700), ==, 0);
  install_program (bin, "apt-get", apt_get);
  install_program (bin, "apt-cache", apt_cache);
  g_setenv ("PATH", search, TRUE);
  g_setenv ("VMD_TEST_SERVER", server, TRUE);
}

void
fake_apt_reset (void)
{
  g_autoptr (GError) error = NULL;

  vmd_remove_tree (server, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_mkdir (server, 0700), ==, 0);
}

void
fake_apt_publish_bytes (const char *file, GByteArray *bytes)
{
  g_autofree char *path = g_build_filename (server, file, NULL);
  g_autoptr (GByteArray) taken = bytes;

  write_file (path, taken->data, taken->len);
}

void
fake_apt_publish (const char *file, const char *text)
{
  g_autofree char *path = g_build_filename (server, file, NULL);

  write_file (path, text, strlen (text));
}

void
fake_apt_withdraw (const char *file)
{
  g_autofree char *path = g_build_filename (server, file, NULL);

  g_assert_cmpint (g_unlink (path), ==, 0);
}

char *
fake_apt_dup_log (void)
{
  g_autofree char *path = g_build_filename (server, "log", NULL);
  char *log = NULL;

  g_file_get_contents (path, &log, NULL, NULL);
  g_unlink (path);
  return log != NULL ? g_strdelimit (log, "\n", ';') : g_strdup ("");
}

GByteArray *
fake_apt_make_package (const char *control, const char *path, const char *content)
{
  g_autoptr (GByteArray) data = NULL;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  tar_add_directory (&tar, "./");
  tar_add_directory (&tar, "./usr/");
  tar_add_file (&tar, path, content);
  tar_add_file (&tar, "./usr/share/doc/copyright", "left out");
  data = tar_close (&tar);
  return make_deb (control, data);
}

void
fake_apt_publish_tiny (void)
{
  fake_apt_publish_bytes (
      "busybox-static_1_amd64.deb",
      fake_apt_make_package ("Package: busybox-static\n", "./bin/busybox", "busybox"));
  fake_apt_publish_bytes (
      "dropbear-bin_1_amd64.deb",
      fake_apt_make_package (
          "Package: dropbear-bin\nDepends: debconf | debconf-2.0, libone:any (>= 1)\n",
          "./usr/sbin/dropbear", "dropbear"));
  fake_apt_publish_bytes ("libone_1_amd64.deb",
                          fake_apt_make_package ("Package: libone\nDepends: libtwo\n",
                                                 "./lib/x86_64-linux-gnu/libone.so.1", "one"));
  fake_apt_publish_bytes ("libtwo_1_amd64.deb",
                          fake_apt_make_package ("Package: libtwo\nDepends: libone\n",
                                                 "./usr/lib/x86_64-linux-gnu/libtwo.so.2", "two"));
}

void
fake_apt_close_gate (void)
{
  g_autofree char *gate = g_build_filename (server, "gate", NULL);

  g_assert_cmpint (mkfifo (gate, 0600), ==, 0);
}

/* Blocks until somebody waits. */
void
fake_apt_open_gate (void)
{
  g_autofree char *gate = g_build_filename (server, "gate", NULL);
  vmd_autofd int fd = open (gate, O_WRONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_unlink (gate);
}

void
fake_apt_wait_asked (void)
{
  g_autofree char *log = g_build_filename (server, "log", NULL);

  while (!g_file_test (log, G_FILE_TEST_EXISTS))
    g_thread_yield ();
}

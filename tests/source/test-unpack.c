/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmd-guest unpack: what it makes of good tars, of hostile ones, and of such as are cut. */

#include "git-fixture.h"
#include "tar-builder.h"
#include "unpack-fixture.h"

#include <string.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_good (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) tar = make_small_tar ("content");
  g_autofree char *said = NULL;
  g_autofree char *script = g_build_filename (self->target, "script", NULL);
  g_autofree char *link = g_build_filename (self->target, "link", NULL);
  g_autofree char *target = NULL;
  struct stat status;

  g_assert_cmpint (unpack (self, tar, FALSE, &said), ==, UNPACK_OK);
  g_assert_cmpstr (said, ==, "ok files=3 bytes=9\n");
  assert_content (self, "directory/file", "content");
  g_assert_cmpint (stat (script, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0755);
  g_assert_cmpint (status.st_mtime, ==, 1000000000);
  g_assert_cmpint (status.st_uid, ==, getuid ());
  target = g_file_read_link (link, NULL);
  g_assert_cmpstr (target, ==, "/etc/passwd");
  g_assert_cmpint (stat (self->target, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0755);
  g_assert_cmpuint (count_entries (self, "work"), ==, 1);
  g_assert_cmpuint (count_entries (self, "var/lib/vmd/staging"), ==, 0);
}

/* All that a tar may say about names, sizes and kinds, and is not hostile. */
static void
test_forms (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) tar = g_byte_array_new ();
  g_autofree char *component = g_strnfill (255, 'n');
  g_autofree char *deep = g_strjoin ("/", component, component, component, "end", NULL);
  g_autofree char *said = NULL;
  g_autofree char *hard = g_build_filename (self->target, "hard", NULL);
  g_autofree char *empty = g_build_filename (self->target, "empty", NULL);
  struct stat status;

  tar_add (tar, 'g', "pax_global_header", NULL, 0644, "32 comment=0123456789abcdef0123\n", 32);
  tar_add (tar, '5', "./", NULL, 0700, NULL, 0);
  tar_add (tar, '5', "./empty/", NULL, 0500, NULL, 0);
  tar_add (tar, '0', "./a//b/./c", NULL, 0600, "c", 1);
  tar_add (tar, '7', "contiguous", NULL, 0644, "7", 1);
  tar_add (tar, '1', "hard", "a/b/c", 0644, NULL, 0);
  tar_add (tar, '1', "hard", "hard", 0644, NULL, 0);
  tar_add_record (tar, "path", deep, strlen (deep));
  tar_add (tar, '0', "short", NULL, 0644, "deep", 4);
  tar_add (tar, 'L', "././@LongLink", NULL, 0644, deep, strlen (deep) - 3);
  tar_add (tar, 'K', "././@LongLink", NULL, 0644, deep, strlen (deep) + 1);
  /* That name ends in a slash, so it is a directory. */
  tar_add (tar, '5', "short", NULL, 0755, NULL, 0);
  tar_add (tar, '0', "twice", NULL, 0644, "first", 5);
  tar_add (tar, '0', "twice", NULL, 0644, "second", 6);
  tar_end (tar);
  g_byte_array_set_size (tar, tar->len + 8192);
  memset (tar->data + tar->len - 8192, 0, 8192);

  g_assert_cmpint (unpack (self, tar, FALSE, &said), ==, UNPACK_OK);
  assert_content (self, "a/b/c", "c");
  assert_content (self, "contiguous", "7");
  assert_content (self, deep, "deep");
  assert_content (self, "twice", "second");
  g_assert_cmpint (stat (hard, &status), ==, 0);
  g_assert_cmpuint (status.st_nlink, ==, 2);
  g_assert_cmpint (stat (empty, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0700);
}

typedef struct
{
  char type;
  const char *name;
  const char *target;
  const char *data;
} HostileMember;

/* LESSONS 31, the guest's side: tars of which nothing may be unpacked. Each has a good member
 * first, and often a trap. */
static const struct
{
  const char *name;
  HostileMember members[3];
} hostile_tars[] = {
  { "absolute", { { '0', "/etc/evil", NULL, "x" } } },
  { "parent", { { '0', "../evil", NULL, "x" } } },
  { "parent-inside", { { '0', "a/../../evil", NULL, "x" } } },
  { "parent-last", { { '5', "a/..", NULL, NULL } } },
  { "no-name", { { '0', "", NULL, "x" } } },
  { "top-as-file", { { '0', ".", NULL, "x" } } },
  { "top-as-link", { { '2', "./.", "/", NULL } } },
  { "file-with-slash", { { '0', "a/", NULL, "x" } } },
  { "character-device", { { '3', "null", NULL, NULL } } },
  { "block-device", { { '4', "disk", NULL, NULL } } },
  { "fifo", { { '6', "pipe", NULL, NULL } } },
  { "sparse", { { 'S', "sparse", NULL, "x" } } },
  { "multi-volume", { { 'M', "rest", NULL, "x" } } },
  { "unknown-type", { { 'Z', "what", NULL, "x" } } },
  { "below-link", { { '2', "out", "../..", NULL }, { '0', "out/evil", NULL, "x" } } },
  { "below-absolute-link", { { '2', "out", "/tmp", NULL }, { '0', "out/evil", NULL, "x" } } },
  { "below-link-inside", { { '2', "a", "directory", NULL }, { '0', "a/evil", NULL, "x" } } },
  { "directory-over-link", { { '2', "out", "../..", NULL }, { '5', "out", NULL, NULL } } },
  { "deep-below-link", { { '2', "out", "../..", NULL }, { '0', "out/a/b/evil", NULL, "x" } } },
  { "directory-below-link", { { '2', "out", "../..", NULL }, { '5', "out/evil/", NULL, NULL } } },
  { "below-file", { { '0', "file", NULL, "x" }, { '0', "file/evil", NULL, "x" } } },
  { "file-over-directory", { { '0', "a/b", NULL, "x" }, { '0', "a", NULL, "x" } } },
  { "hard-link-absolute", { { '1', "evil", "/etc/passwd", NULL } } },
  { "hard-link-out", { { '1', "evil", "../../../etc/passwd", NULL } } },
  { "hard-link-nowhere", { { '1', "evil", "missing", NULL } } },
  { "hard-link-empty", { { '1', "evil", "", NULL } } },
  { "hard-link-to-link", { { '2', "out", "/etc/passwd", NULL }, { '1', "evil", "out", NULL } } },
  { "hard-link-through-link",
    { { '2', "out", "/etc", NULL }, { '1', "evil", "out/passwd", NULL } } },
  { "hard-link-to-directory", { { '5', "a", NULL, NULL }, { '1', "evil", "a", NULL } } },
  { "link-with-data", { { '2', "link", "x", "data" } } },
  { "link-to-nothing", { { '2', "link", "", NULL } } },
  { "pax-too-long", { { 'x', "p", NULL, "99 path=a\n" }, { '0', "a", NULL, "x" } } },
  { "pax-too-short", { { 'x', "p", NULL, "3 path=a\n" }, { '0', "a", NULL, "x" } } },
  { "pax-no-length", { { 'x', "p", NULL, "path=a\n" }, { '0', "a", NULL, "x" } } },
  { "pax-no-equals", { { 'x', "p", NULL, "9 path a\n" }, { '0', "a", NULL, "x" } } },
  { "pax-no-newline", { { 'x', "p", NULL, "10 path=ab" }, { '0', "a", NULL, "x" } } },
  { "pax-size", { { 'x', "p", NULL, "11 size=-1\n" }, { '0', "a", NULL, "x" } } },
  { "pax-huge-size",
    { { 'x', "p", NULL, "28 size=9223372036854775807\n" }, { '0', "a", NULL, "x" } } },
  { "pax-larger-size", { { 'x', "p", NULL, "14 size=99999\n" }, { '0', "a", NULL, "x" } } },
  { "pax-time", { { 'x', "p", NULL, "12 mtime=no\n" }, { '0', "a", NULL, "x" } } },
  { "pax-absolute", { { 'x', "p", NULL, "13 path=/tmp\n" }, { '0', "a", NULL, "x" } } },
  { "pax-parent", { { 'x', "p", NULL, "13 path=../x\n" }, { '0', "a", NULL, "x" } } },
  { "pax-sparse", { { 'x', "p", NULL, "22 GNU.sparse.major=1\n" }, { '0', "a", NULL, "x" } } },
  { "pax-alone", { { 'x', "p", NULL, "11 path=ab\n" } } },
  { "gnu-parent", { { 'L', "l", NULL, "../x" }, { '0', "a", NULL, "x" } } },
};

static void
test_hostile (Guest *self, gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GByteArray) tar = g_byte_array_new ();
  g_autofree char *said = NULL;

  tar_add (tar, '0', "directory/good", NULL, 0644, "good", 4);
  for (guint j = 0; j < 3 && hostile_tars[i].members[j].type != '\0'; j++)
    {
      const HostileMember *member = &hostile_tars[i].members[j];

      tar_add (tar, member->type, member->name, member->target, 0755, member->data,
               member->data != NULL ? strlen (member->data) : 0);
    }
  tar_end (tar);

  g_assert_cmpint (unpack (self, tar, FALSE, &said), ==, UNPACK_BAD_ARCHIVE);
  g_assert_true (g_str_has_prefix (said, "vmd-guest: unpack: "));
  /* One line. */
  g_assert_true (strchr (said, '\n') == said + strlen (said) - 1);
  assert_nothing (self);
  g_assert_cmpuint (count_entries (self, ""), ==, 1);
}

/* Damage to headers, which the table cannot say. */
static void
test_damaged (Guest *self, gconstpointer data)
{
  static const struct
  {
    gsize offset;
    const char *bytes;
    gsize length;
    gboolean seal;
  } changes[] = {
    { 0, "X", 1, FALSE }, /* checksum */
    { 257, "xstar", 5, TRUE }, /* magic */
    { 124, "0000000000z", 11, TRUE }, /* size */
    { 124, "77777777777", 11, TRUE }, /* larger than what follows */
    { 124, "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, TRUE },
    { 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, TRUE },
    { 124, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, TRUE },
    { 100, "rwxr-xr", 7, TRUE }, /* mode */
    { 136, "-1", 2, TRUE }, /* time */
  };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autoptr (GByteArray) tar = make_small_tar ("content");

      memcpy (tar->data + changes[i].offset, changes[i].bytes, changes[i].length);
      if (changes[i].seal)
        tar_seal (tar, 0);
      g_assert_cmpint (unpack (self, tar, FALSE, NULL), ==, UNPACK_BAD_ARCHIVE);
      assert_nothing (self);
    }
}

/* What follows the end: zeros are padding, anything else means that the end was none. */
static void
test_after_end (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) tar = make_small_tar ("content");
  g_autoptr (GByteArray) padded = make_small_tar ("padded");
  g_autoptr (GByteArray) lone = g_byte_array_new ();
  static const guint8 zeros[512];
  gsize end = padded->len;

  tar_add (tar, '0', "late", NULL, 0644, "x", 1);
  tar_end (tar);
  g_assert_cmpint (unpack (self, tar, FALSE, NULL), ==, UNPACK_BAD_ARCHIVE);
  assert_nothing (self);

  /* Behind more padding than is read at once. */
  g_byte_array_set_size (padded, padded->len + 3 * 1024 * 1024);
  memset (padded->data + end, 0, padded->len - end);
  g_assert_cmpint (unpack (self, padded, FALSE, NULL), ==, UNPACK_OK);
  padded->data[padded->len - 1] = 'x';
  g_assert_cmpint (unpack (self, padded, TRUE, NULL), ==, UNPACK_BAD_ARCHIVE);
  assert_content (self, "directory/file", "padded");
  remove_tree (self->target);

  g_byte_array_append (lone, zeros, sizeof zeros);
  tar_add (lone, '0', "late", NULL, 0644, "x", 1);
  tar_end (lone);
  g_assert_cmpint (unpack (self, lone, FALSE, NULL), ==, UNPACK_BAD_ARCHIVE);
  assert_nothing (self);
}

/* Cut at every block, and at some bytes between: the guest has the old tree or none. */
static void
test_cut (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) old = make_small_tar ("old");
  g_autoptr (GByteArray) tar = make_small_tar ("new");

  for (gsize length = 0; length < tar->len; length += 512)
    {
      g_assert_cmpint (unpack_bytes (self, tar->data, length, FALSE, NULL), ==, UNPACK_BAD_ARCHIVE);
      assert_nothing (self);
    }

  g_assert_cmpint (unpack (self, old, FALSE, NULL), ==, UNPACK_OK);
  for (gsize length = 0; length < tar->len; length += (gsize) g_test_rand_int_range (1, 200))
    {
      g_assert_cmpint (unpack_bytes (self, tar->data, length, TRUE, NULL), ==, UNPACK_BAD_ARCHIVE);
      assert_content (self, "directory/file", "old");
      g_assert_cmpuint (count_entries (self, "work"), ==, 1);
      g_assert_cmpuint (count_entries (self, "var/lib/vmd/staging"), ==, 0);
    }
  /* And a retry works. */
  g_assert_cmpint (unpack (self, tar, TRUE, NULL), ==, UNPACK_OK);
  assert_content (self, "directory/file", "new");
  g_assert_cmpuint (count_entries (self, "work"), ==, 1);
}

/* Any change of any bytes: it ends, with a status of its own, and what is there is whole. */
static void
test_mutated (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) good = g_byte_array_new ();

  tar_add_record (good, "path", "a/long/name", 11);
  tar_add (good, '0', "short", NULL, 0644, "content", 7);
  tar_add (good, '2', "link", "a", 0777, NULL, 0);
  tar_add (good, '1', "hard", "a/long/name", 0644, NULL, 0);
  tar_add (good, 'L', "l", NULL, 0644, "long/name", 10);
  tar_add (good, '5', "d", NULL, 0755, NULL, 0);
  tar_end (good);

  for (guint i = 0; i < (g_test_thorough () ? 20000 : 300); i++)
    {
      g_autoptr (GByteArray) tar = g_byte_array_new ();
      gboolean sealed = g_test_rand_bit ();
      int status;

      g_byte_array_append (tar, good->data, good->len);
      for (guint j = g_test_rand_int_range (1, 6); j > 0; j--)
        tar->data[g_test_rand_int_range (0, tar->len)] = (guint8) g_test_rand_int_range (0, 256);
      /* Half of them get past the checksums. */
      for (gsize offset = 0; sealed && offset < tar->len - 1024; offset += 512)
        if (memcmp (tar->data + offset + 257, "ustar", 5) == 0)
          tar_seal (tar, offset);

      status = unpack (self, tar, TRUE, NULL);
      g_assert_true (status == UNPACK_OK || status == UNPACK_BAD_ARCHIVE);
      g_assert_cmpuint (count_entries (self, "work"), <=, 1);
      g_assert_cmpuint (count_entries (self, "var/lib/vmd/staging"), ==, 0);
      g_assert_cmpuint (count_entries (self, ""), <=, 2);
    }
}

static void
add (const char *name, void (*test) (Guest *, gconstpointer), gconstpointer data)
{
  g_test_add (name, Guest, data, guest_set_up, test, guest_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Nobody's reader may be gone. */
  signal (SIGPIPE, SIG_IGN);
  add ("/unpack/good", test_good, NULL);
  add ("/unpack/forms", test_forms, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (hostile_tars); i++)
    {
      g_autofree char *name =
          g_strconcat ("/unpack/lesson-31-hostile/", hostile_tars[i].name, NULL);

      add (name, test_hostile, GUINT_TO_POINTER (i));
    }
  add ("/unpack/damaged", test_damaged, NULL);
  add ("/unpack/after-end", test_after_end, NULL);
  add ("/unpack/cut-anywhere", test_cut, NULL);
  add ("/unpack/mutated", test_mutated, NULL);
  return g_test_run ();
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-failure-private.h"

#include <errno.h>
#include <string.h>

static void
test_errno (void)
{
  const struct
  {
    int number;
    VmdError code;
  } numbers[] = {
    { ENOSPC, VMD_ERROR_NO_SPACE },          { EDQUOT, VMD_ERROR_NO_SPACE },
    { EACCES, VMD_ERROR_PERMISSION_DENIED }, { EPERM, VMD_ERROR_PERMISSION_DENIED },
    { ENOENT, VMD_ERROR_NOT_FOUND },         { EEXIST, VMD_ERROR_EXISTS },
    { ETIMEDOUT, VMD_ERROR_TIMED_OUT },      { EIO, VMD_ERROR_FAILED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *expected = g_strdup_printf ("doing 7: %s", g_strerror (numbers[i].number));

      g_assert_false (vmd_fail_errno (&error, numbers[i].number, "doing %d", 7));
      g_assert_error (error, VMD_ERROR, (int) numbers[i].code);
      g_assert_cmpstr (error->message, ==, expected);
    }
  g_assert_false (vmd_fail_errno (NULL, EIO, "nobody listens"));
}

static void
test_fail (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_fail (&error, VMD_ERROR_BUSY, "%s has 100%%", "it"));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
  g_assert_cmpstr (error->message, ==, "it has 100%");
  g_assert_false (vmd_fail (NULL, VMD_ERROR_BUSY, "nobody listens"));
}

static void
test_foreign (void)
{
  const struct
  {
    GQuark domain;
    int code;
    VmdError expected;
  } cases[] = {
    { VMD_ERROR, VMD_ERROR_GUEST, VMD_ERROR_GUEST },
    { G_IO_ERROR, G_IO_ERROR_CANCELLED, VMD_ERROR_CANCELLED },
    { G_IO_ERROR, G_IO_ERROR_TIMED_OUT, VMD_ERROR_TIMED_OUT },
    { G_IO_ERROR, G_IO_ERROR_NOT_FOUND, VMD_ERROR_NOT_FOUND },
    { G_IO_ERROR, G_IO_ERROR_EXISTS, VMD_ERROR_EXISTS },
    { G_IO_ERROR, G_IO_ERROR_NO_SPACE, VMD_ERROR_NO_SPACE },
    { G_IO_ERROR, G_IO_ERROR_READ_ONLY, VMD_ERROR_PERMISSION_DENIED },
    { G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME, VMD_ERROR_INVALID_ARGUMENT },
    { G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, VMD_ERROR_UNSUPPORTED },
    { G_IO_ERROR, G_IO_ERROR_BUSY, VMD_ERROR_BUSY },
    { G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, VMD_ERROR_FAILED },
    { G_FILE_ERROR, G_FILE_ERROR_NOSPC, VMD_ERROR_NO_SPACE },
    { G_FILE_ERROR, G_FILE_ERROR_ACCES, VMD_ERROR_PERMISSION_DENIED },
    { G_FILE_ERROR, G_FILE_ERROR_NOENT, VMD_ERROR_NOT_FOUND },
    { G_FILE_ERROR, G_FILE_ERROR_EXIST, VMD_ERROR_EXISTS },
    { G_FILE_ERROR, G_FILE_ERROR_IO, VMD_ERROR_FAILED },
    { G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, VMD_ERROR_MISSING_PROGRAM },
    { G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES, VMD_ERROR_PERMISSION_DENIED },
    { G_SPAWN_ERROR, G_SPAWN_ERROR_FORK, VMD_ERROR_FAILED },
    { G_REGEX_ERROR, 1, VMD_ERROR_FAILED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      vmd_propagate_foreign (&error, g_error_new_literal (cases[i].domain, cases[i].code, "why"),
                             "cannot read %s", "it");
      g_assert_error (error, VMD_ERROR, (int) cases[i].expected);
      g_assert_cmpstr (error->message, ==, "cannot read it: why");
    }
  vmd_propagate_foreign (NULL, g_error_new_literal (G_IO_ERROR, 0, "why"), "nobody listens");
}

static void
test_join (void)
{
  GError *error = NULL;

  vmd_error_join (&error, NULL);
  g_assert_no_error (error);
  vmd_error_join (&error, g_error_new_literal (VMD_ERROR, VMD_ERROR_GUEST, "first"));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  vmd_error_join (&error, g_error_new_literal (VMD_ERROR, VMD_ERROR_BUSY, "second"));
  vmd_error_join (&error, NULL);
  vmd_error_join (&error, g_error_new_literal (G_IO_ERROR, 0, "third"));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  g_assert_cmpstr (error->message, ==, "first; and then: second; and then: third");
  g_error_free (error);
  vmd_error_join (NULL, g_error_new_literal (VMD_ERROR, VMD_ERROR_BUSY, "nobody listens"));
}

static void
test_cancelled (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_is_cancelled (NULL, &error));
  g_assert_false (vmd_is_cancelled (cancellable, &error));
  g_assert_no_error (error);
  g_cancellable_cancel (cancellable);
  g_assert_true (vmd_is_cancelled (cancellable, NULL));
  g_assert_true (vmd_is_cancelled (cancellable, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
}

/* Every code has a bus name of its own and an exit status, and GDBus knows it both ways. */
static void
test_table (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  vmd_error_register_bus_names ();
  vmd_error_register_bus_names ();
  for (guint code = 0; code < VMD_N_ERRORS; code++)
    {
      const char *name = vmd_error_get_bus_name (code);
      int status = vmd_error_get_exit_status (code);
      g_autoptr (GError) error = g_error_new (VMD_ERROR, (int) code, "why");
      g_autofree char *encoded = g_dbus_error_encode_gerror (error);
      g_autoptr (GError) decoded = g_dbus_error_new_for_dbus_error (name, "why");

      g_assert_true (g_str_has_prefix (name, "org.vmd.Vmd1.Error."));
      g_assert_true (g_dbus_is_interface_name (name));
      g_assert_true (g_hash_table_add (seen, (gpointer) name));
      g_assert_cmpint (status, >=, 1);
      g_assert_cmpint (status, <=, 5);
      g_assert_cmpstr (encoded, ==, name);
      g_assert_error (decoded, VMD_ERROR, (int) code);
    }
  g_assert_cmpint (vmd_error_get_exit_status (VMD_ERROR_NOT_FOUND), ==, 3);
  g_assert_cmpint (vmd_error_get_exit_status (VMD_ERROR_BUSY), ==, 4);
  g_assert_cmpint (vmd_error_get_exit_status (VMD_ERROR_CANCELLED), ==, 5);
}

static void
test_blank_controls (void)
{
  char text[] = "\033[2Ja\tb\r\nc\x7f \xc2\x9b"
                "31m \xc3\xbc \xc2\xa0 \xe4\xbd\xa0";

  vmd_blank_controls (text);
  g_assert_cmpstr (text, ==, " [2Ja\tb \nc    31m \xc3\xbc \xc2\xa0 \xe4\xbd\xa0");
}

/* Whatever is quoted, and whatever it comes through. */
static void
test_harmless (void)
{
  static const char name[] = "a\033[31m\xff";
  static const char shown[] = "a [31m\xef\xbf\xbd";
  g_autoptr (GError) plain = NULL;
  g_autoptr (GError) system = NULL;
  g_autoptr (GError) foreign = NULL;

  vmd_fail (&plain, VMD_ERROR_FAILED, "no %s\n\tat all", name);
  vmd_fail_errno (&system, ENOENT, "no %s", name);
  vmd_propagate_foreign (&foreign, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, name), "no");
  g_assert_true (g_str_has_suffix (plain->message, "\n\tat all"));
  g_assert_nonnull (strstr (plain->message, shown));
  g_assert_nonnull (strstr (system->message, shown));
  g_assert_nonnull (strstr (foreign->message, shown));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/failure/errno", test_errno);
  g_test_add_func ("/failure/fail", test_fail);
  g_test_add_func ("/failure/foreign", test_foreign);
  g_test_add_func ("/failure/join", test_join);
  g_test_add_func ("/failure/cancelled", test_cancelled);
  g_test_add_func ("/failure/table", test_table);
  g_test_add_func ("/failure/blank-controls", test_blank_controls);
  g_test_add_func ("/failure/harmless", test_harmless);
  return g_test_run ();
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-error.h"
#include "vmctl-json.h"

#include <gio/gio.h>
#include <string.h>
#include <vmd-error.h>

/* What came over the bus is what the daemon meant. */
static void
test_round_trip (void)
{
  for (int code = VMD_ERROR_FAILED; code < VMD_N_ERRORS; code++)
    {
      g_autoptr (GError) error =
          g_dbus_error_new_for_dbus_error (vmd_error_get_bus_name (code), "some message");

      vmctl_error_convert (&error);
      g_assert_error (error, VMD_ERROR, code);
      g_assert_cmpstr (error->message, ==, "some message");
      g_assert_cmpint (vmctl_error_get_exit_status (error), ==, vmd_error_get_exit_status (code));
    }
}

static void
test_foreign (void)
{
  static const struct
  {
    GQuark (*domain) (void);
    int code;
    VmdError expected;
    int exit_status;
  } cases[] = {
    { g_io_error_quark, G_IO_ERROR_CANCELLED, VMD_ERROR_CANCELLED, 5 },
    { g_io_error_quark, G_IO_ERROR_CLOSED, VMD_ERROR_FAILED, 1 },
    { g_dbus_error_quark, G_DBUS_ERROR_NO_REPLY, VMD_ERROR_FAILED, 1 },
    { g_dbus_error_quark, G_DBUS_ERROR_UNKNOWN_OBJECT, VMD_ERROR_NOT_FOUND, 3 },
    { g_dbus_error_quark, G_DBUS_ERROR_ACCESS_DENIED, VMD_ERROR_PERMISSION_DENIED, 1 },
    { g_dbus_error_quark, G_DBUS_ERROR_UNKNOWN_METHOD, VMD_ERROR_FAILED, 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error =
          g_error_new_literal (cases[i].domain (), cases[i].code, "some message");

      g_assert_cmpint (vmctl_error_get_exit_status (error), ==, cases[i].exit_status);
      vmctl_error_convert (&error);
      g_assert_error (error, VMD_ERROR, (int) cases[i].expected);
      g_assert_cmpint (vmctl_error_get_exit_status (error), ==, cases[i].exit_status);
    }
}

/* What failed, on what, what to do; and a console's bytes must not steer the terminal. */
static void
test_print (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GError) busy = g_error_new (VMD_ERROR, VMD_ERROR_BUSY, "It is locked");
      g_autoptr (GError) boot =
          g_error_new (VMD_ERROR, VMD_ERROR_BOOT_FAILED, "No login\nlast \033[2J line\n");

      vmctl_error_print ("start web", busy);
      vmctl_error_print (NULL, boot);
      return;
    }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*vmctl: start web: It is locked\n*lock list*");
  g_test_trap_assert_stderr ("*vmctl: No login\n  last \\x1b?2J line\n*vmctl logs*");
}

static void
test_json (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GError) error = g_error_new (VMD_ERROR, VMD_ERROR_NOT_FOUND, "no “x”");
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "absent", "");
  vmctl_json_add_time (builder, "never", 0);
  vmctl_json_add_time (builder, "once", G_GINT64_CONSTANT (1764072000000042));
  vmctl_json_add_bytes (builder, "text", "Füße\n", strlen ("Füße\n"));
  vmctl_json_add_bytes (builder, "binary", "a\0b", 3);
  vmctl_json_add_bytes (builder, "latin", "\xff", 1);
  vmctl_json_add_error (builder, error);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  g_assert_cmpstr (text, ==,
                   "{\"absent\":null,\"never\":null,\"once\":\"2025-11-25T12:00:00.000042Z\","
                   "\"text\":\"Füße\\n\",\"binary_base64\":\"YQBi\",\"latin_base64\":\"/w==\","
                   "\"error\":{\"name\":\"NotFound\",\"message\":\"no “x”\",\"exit_status\":3}}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  vmd_error_register_bus_names ();
  g_test_add_func ("/vmctl/error/round-trip", test_round_trip);
  g_test_add_func ("/vmctl/error/foreign", test_foreign);
  g_test_add_func ("/vmctl/error/print", test_print);
  g_test_add_func ("/vmctl/json", test_json);
  return g_test_run ();
}

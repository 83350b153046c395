/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-error.h"

#include <gio/gio.h>

#define BUS_PREFIX "org.vmd.Vmd1.Error."

/* The exit statuses of vmctl, apart from 0. */
enum
{
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_NOT_FOUND = 3,
  EXIT_BUSY = 4,
  EXIT_CANCELLED = 5
};

/* The one table: what a code is called on the bus, and what vmctl exits with. GDBus wants the first
 * two members in this order, so that the rows can be registered as they are. */
static const struct
{
  GDBusErrorEntry bus;
  int exit_status;
} error_table[] = {
  { { VMD_ERROR_FAILED, BUS_PREFIX "Failed" }, EXIT_FAILED },
  { { VMD_ERROR_INVALID_ARGUMENT, BUS_PREFIX "InvalidArgument" }, EXIT_USAGE },
  { { VMD_ERROR_NOT_FOUND, BUS_PREFIX "NotFound" }, EXIT_NOT_FOUND },
  { { VMD_ERROR_EXISTS, BUS_PREFIX "Exists" }, EXIT_FAILED },
  { { VMD_ERROR_AMBIGUOUS, BUS_PREFIX "Ambiguous" }, EXIT_USAGE },
  { { VMD_ERROR_BUSY, BUS_PREFIX "Busy" }, EXIT_BUSY },
  { { VMD_ERROR_NOT_LOCKED, BUS_PREFIX "NotLocked" }, EXIT_FAILED },
  { { VMD_ERROR_NESTED_LOCK, BUS_PREFIX "NestedLock" }, EXIT_BUSY },
  { { VMD_ERROR_CANCELLED, BUS_PREFIX "Cancelled" }, EXIT_CANCELLED },
  { { VMD_ERROR_TIMED_OUT, BUS_PREFIX "TimedOut" }, EXIT_FAILED },
  { { VMD_ERROR_WRONG_STATE, BUS_PREFIX "WrongState" }, EXIT_FAILED },
  { { VMD_ERROR_VM_STOPPED, BUS_PREFIX "VmStopped" }, EXIT_FAILED },
  { { VMD_ERROR_IN_USE, BUS_PREFIX "InUse" }, EXIT_BUSY },
  { { VMD_ERROR_NO_SPACE, BUS_PREFIX "NoSpace" }, EXIT_FAILED },
  { { VMD_ERROR_PERMISSION_DENIED, BUS_PREFIX "PermissionDenied" }, EXIT_FAILED },
  { { VMD_ERROR_MISSING_PROGRAM, BUS_PREFIX "MissingProgram" }, EXIT_FAILED },
  { { VMD_ERROR_UNSUPPORTED, BUS_PREFIX "Unsupported" }, EXIT_FAILED },
  { { VMD_ERROR_STORE, BUS_PREFIX "Store" }, EXIT_FAILED },
  { { VMD_ERROR_STORE_CORRUPT, BUS_PREFIX "StoreCorrupt" }, EXIT_FAILED },
  { { VMD_ERROR_BACKEND, BUS_PREFIX "Backend" }, EXIT_FAILED },
  { { VMD_ERROR_BOOT_FAILED, BUS_PREFIX "BootFailed" }, EXIT_FAILED },
  { { VMD_ERROR_UNREACHABLE, BUS_PREFIX "Unreachable" }, EXIT_FAILED },
  { { VMD_ERROR_HOST_KEY_MISMATCH, BUS_PREFIX "HostKeyMismatch" }, EXIT_FAILED },
  { { VMD_ERROR_GUEST, BUS_PREFIX "Guest" }, EXIT_FAILED },
  { { VMD_ERROR_NOT_A_REPOSITORY, BUS_PREFIX "NotARepository" }, EXIT_USAGE },
  { { VMD_ERROR_BARE_REPOSITORY, BUS_PREFIX "BareRepository" }, EXIT_USAGE },
  { { VMD_ERROR_HAS_SUBMODULES, BUS_PREFIX "HasSubmodules" }, EXIT_USAGE },
  { { VMD_ERROR_BAD_ARCHIVE, BUS_PREFIX "BadArchive" }, EXIT_FAILED },
  { { VMD_ERROR_PROTOCOL, BUS_PREFIX "Protocol" }, EXIT_FAILED },
  { { VMD_ERROR_CONFLICT, BUS_PREFIX "Conflict" }, EXIT_BUSY },
};
G_STATIC_ASSERT (G_N_ELEMENTS (error_table) == VMD_N_ERRORS);

G_DEFINE_QUARK (vmd_error, vmd_error)

/**
 * vmd_error_get_bus_name:
 * @code: a code
 *
 * The name that @code has on D-Bus.
 *
 * Returns: (transfer none): a D-Bus error name, "org.vmd.Vmd1.Error.…"
 * Since: 0.1
 */
const char *
vmd_error_get_bus_name (VmdError code)
{
  g_return_val_if_fail ((guint) code < VMD_N_ERRORS,
                        error_table[VMD_ERROR_FAILED].bus.dbus_error_name);

  return error_table[code].bus.dbus_error_name;
}

/**
 * vmd_error_get_exit_status:
 * @code: a code
 *
 * What a command exits with that failed with @code: 1 failed, 2 usage, 3 not found, 4 busy, 5
 * cancelled.
 *
 * Returns: an exit status, never 0
 * Since: 0.1
 */
int
vmd_error_get_exit_status (VmdError code)
{
  g_return_val_if_fail ((guint) code < VMD_N_ERRORS, EXIT_FAILED);

  return error_table[code].exit_status;
}

/**
 * vmd_error_register_bus_names:
 *
 * Lets GDBus turn a #VmdError into its bus name, and back. A process that speaks to vmd over D-Bus
 * calls it once before it makes a connection. Calling it again does nothing.
 *
 * Since: 0.1
 */
void
vmd_error_register_bus_names (void)
{
  static gsize done = 0;

  if (!g_once_init_enter (&done))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (error_table); i++)
    g_dbus_error_register_error (VMD_ERROR, error_table[i].bus.error_code,
                                 error_table[i].bus.dbus_error_name);
  g_once_init_leave (&done, 1);
}

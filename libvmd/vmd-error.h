/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-macros.h"

G_BEGIN_DECLS

#define VMD_ERROR (vmd_error_quark ())

/**
 * VmdError:
 * @VMD_ERROR_FAILED: something failed that no other code names
 * @VMD_ERROR_INVALID_ARGUMENT: a name, a size, an option or another value is not of the form it
 *   must have
 * @VMD_ERROR_NOT_FOUND: there is no such VM, image, kernel, workspace, job, lock or file
 * @VMD_ERROR_EXISTS: the name is taken
 * @VMD_ERROR_AMBIGUOUS: a prefix fits several
 * @VMD_ERROR_BUSY: a lock is held, or another verb is at work; the message names who and why
 * @VMD_ERROR_NOT_LOCKED: the step needs a lock that the caller did not show
 * @VMD_ERROR_NESTED_LOCK: the owner holds a lock already and may not ask for another
 * @VMD_ERROR_CANCELLED: the caller, or its job, was cancelled
 * @VMD_ERROR_TIMED_OUT: a deadline passed
 * @VMD_ERROR_WRONG_STATE: the VM is not in a state in which this can be done
 * @VMD_ERROR_VM_STOPPED: the VM was stopped, killed or deleted while the guest was being worked in
 * @VMD_ERROR_IN_USE: an image or a kernel is in use
 * @VMD_ERROR_NO_SPACE: a disk is full
 * @VMD_ERROR_PERMISSION_DENIED: the caller, or vmd, may not do this
 * @VMD_ERROR_MISSING_PROGRAM: a program that vmd needs is not installed
 * @VMD_ERROR_UNSUPPORTED: this cannot be done here
 * @VMD_ERROR_STORE: the state directory or its database cannot be used
 * @VMD_ERROR_STORE_CORRUPT: the database is damaged, or of a later version
 * @VMD_ERROR_BACKEND: the hypervisor refused, or died
 * @VMD_ERROR_BOOT_FAILED: the guest did not become reachable
 * @VMD_ERROR_UNREACHABLE: the guest does not answer
 * @VMD_ERROR_HOST_KEY_MISMATCH: what answered is not the guest that vmd made
 * @VMD_ERROR_GUEST: the guest answered, and refused or failed
 * @VMD_ERROR_NOT_A_REPOSITORY: the directory is in no git work tree
 * @VMD_ERROR_BARE_REPOSITORY: the git repository has no work tree
 * @VMD_ERROR_HAS_SUBMODULES: the git repository has submodules, which this mode does not carry
 * @VMD_ERROR_BAD_ARCHIVE: an archive is damaged, or has a member that must not be unpacked
 * @VMD_ERROR_PROTOCOL: the other side of a socket does not speak as agreed
 * @VMD_ERROR_CONFLICT: somebody else changed it meanwhile: what was asked for another version does
 *   not fit
 *
 * The one error domain of libvmd. Every code has one name on the bus and one exit status of vmctl,
 * in the table of vmd-error.c.
 *
 * Since: 0.1
 */
typedef enum
{
  VMD_ERROR_FAILED,
  VMD_ERROR_INVALID_ARGUMENT,
  VMD_ERROR_NOT_FOUND,
  VMD_ERROR_EXISTS,
  VMD_ERROR_AMBIGUOUS,
  VMD_ERROR_BUSY,
  VMD_ERROR_NOT_LOCKED,
  VMD_ERROR_NESTED_LOCK,
  VMD_ERROR_CANCELLED,
  VMD_ERROR_TIMED_OUT,
  VMD_ERROR_WRONG_STATE,
  VMD_ERROR_VM_STOPPED,
  VMD_ERROR_IN_USE,
  VMD_ERROR_NO_SPACE,
  VMD_ERROR_PERMISSION_DENIED,
  VMD_ERROR_MISSING_PROGRAM,
  VMD_ERROR_UNSUPPORTED,
  VMD_ERROR_STORE,
  VMD_ERROR_STORE_CORRUPT,
  VMD_ERROR_BACKEND,
  VMD_ERROR_BOOT_FAILED,
  VMD_ERROR_UNREACHABLE,
  VMD_ERROR_HOST_KEY_MISMATCH,
  VMD_ERROR_GUEST,
  VMD_ERROR_NOT_A_REPOSITORY,
  VMD_ERROR_BARE_REPOSITORY,
  VMD_ERROR_HAS_SUBMODULES,
  VMD_ERROR_BAD_ARCHIVE,
  VMD_ERROR_PROTOCOL,
  VMD_ERROR_CONFLICT,
} VmdError;

/**
 * VMD_N_ERRORS: (skip)
 *
 * How many codes there are; the table and a static assert keep to it.
 */
#define VMD_N_ERRORS (VMD_ERROR_CONFLICT + 1)

VMD_AVAILABLE_IN_0_1 GQuark vmd_error_quark (void);
VMD_AVAILABLE_IN_0_1 const char *vmd_error_get_bus_name (VmdError code);
VMD_AVAILABLE_IN_0_1 int vmd_error_get_exit_status (VmdError code);
VMD_AVAILABLE_IN_0_1 void vmd_error_register_bus_names (void);

G_END_DECLS

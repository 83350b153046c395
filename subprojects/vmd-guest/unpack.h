/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `vmd-guest unpack` exits with: vmd reads the reason from it.
 * libvmd/vmd-workspace-unpack.c has the same numbers. */
enum unpack_status
{
  UNPACK_OK = 0,
  UNPACK_FAILED = 1,
  UNPACK_USAGE = 2,
  UNPACK_BAD_ARCHIVE = 3, /* damaged, cut, or with a member that must not be unpacked */
  UNPACK_EXISTS = 4, /* something is in the way */
  UNPACK_NO_SPACE = 5,
  UNPACK_INTERRUPTED = 6, /* by a signal */
};

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  VMCTL_OPTION_FLAG, /* takes no value */
  VMCTL_OPTION_TEXT, /* UTF-8 */
  VMCTL_OPTION_LIST, /* UTF-8, may be given several times */
  VMCTL_OPTION_PATH, /* of the host: any bytes */
  VMCTL_OPTION_SIZE, /* bytes, as in 512M */
  VMCTL_OPTION_COUNT, /* 1 to 2³² − 1 */
  VMCTL_OPTION_DURATION, /* milliseconds, as in 10s */
  VMCTL_OPTION_LIFETIME, /* seconds, as in 30d */
  VMCTL_OPTION_VERSION, /* of a configuration: 0 to 2⁶⁴ − 1 */
} VmctlOptionType;

/* One option of a command: what the parser accepts and what help shows. */
typedef struct
{
  const char *name; /* without the dashes; NULL ends an array */
  char letter; /* its short form, or 0 */
  VmctlOptionType type;
  const char *value; /* (nullable) what help calls its value */
  const char *help;
} VmctlOption;

G_END_DECLS

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One version of a device's values, as it came and as it is written down. */

#define CONFIG_SNAPSHOT_MAX_KEY 64
#define CONFIG_SNAPSHOT_MAX_KEYS 256
/* Of all values together. */
#define CONFIG_SNAPSHOT_MAX_SIZE (64 * 1024)

/* Both lie in the snapshot's memory. */
struct config_entry
{
  const char *key;
  const char *content; /* of the file that has its name; may have NUL in it */
  size_t length;
};

struct config_snapshot
{
  uint64_t version;
  char *payload; /* JSON, as it came */
  size_t payload_length;
  char *text; /* what strings say */
  size_t text_length;
  bool has_values;
  struct config_entry entries[CONFIG_SNAPSHOT_MAX_KEYS];
  size_t n_entries;
};

struct config_snapshot *config_snapshot_parse (const char *json, size_t length);
void config_snapshot_free (struct config_snapshot *snapshot);

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A place in JSON text, which is UTF-8. A function that returns false found something else there,
 * and the place is not to be used any more. */
struct json
{
  const char *at;
  const char *end;
};

void json_skip_space (struct json *json);
bool json_take (struct json *json, char byte);
bool json_read_string (struct json *json, char *text, size_t *length);
bool json_skip_value (struct json *json);

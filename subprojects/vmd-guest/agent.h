/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The longest line either side may send, its end included. */
#define AGENT_LINE_MAX 4096

/* One connection to the host. */
struct agent
{
  int fd; /* not blocking */
  bool rehearse; /* say what would be done to the system instead of doing it */
  char line[AGENT_LINE_MAX];
  size_t length; /* of what has come of the next line */
  bool overlong; /* the rest of this line is thrown away */
};

void agent_reset (struct agent *agent);
void agent_take (struct agent *agent, const char *data, size_t length);
void agent_obey (struct agent *agent, char *line);

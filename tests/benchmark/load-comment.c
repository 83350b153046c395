/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

/* The floor's side: nothing is said, and whatever comes is a heartbeat. */

static void
greet (Load *load, Link *link, GByteArray *out)
{
}

static gboolean
ask (Load *load, const Errand *errand, GByteArray *out)
{
  return FALSE;
}

static void
greet_errands (Load *load, GByteArray *out)
{
}

static gsize
take (Load *load, Link *link, const char *data, gsize length)
{
  link_received (link, 1);
  return length;
}

const Protocol protocol_comment = { "comment", greet, ask, greet_errands, NULL, take, 1, FALSE };

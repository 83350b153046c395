/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The JSON that comes in requests, as far as it is the server's to read: small objects. */

#include "vmd-error.h"

G_BEGIN_DECLS

typedef enum
{
  VMD_BODY_STRING, /* a char * (transfer full) */
  VMD_BODY_NUMBER, /* a guint64 */
  VMD_BODY_OBJECT, /* a char * (transfer full): its JSON as it came; null is none */
} VmdBodyKind;

/* A member that there may be. */
typedef struct
{
  const char *name;
  VmdBodyKind kind;
  gpointer value; /* char ** or guint64 *, left alone when it is absent */
  gboolean is_required;
} VmdBodyMember;

/* INVALID_ARGUMENT says what is wrong; a member of another name is wrong too. What was filled in
 * before stays the caller's. */
gboolean vmd_body_parse (const char *text, gsize length, const VmdBodyMember *members,
                         guint n_members, GError **error);
/* (transfer full): @text as a JSON string, quoted. */
char *vmd_body_quote (const char *text);

G_END_DECLS

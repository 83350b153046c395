/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-body-private.h"
#include "vmd-channel-serve-private.h"

#include <string.h>

/* What the administrator asks for: each is one change, or one question, of the directory. */

/* FALSE: it was no such object, and that has been answered. */
static gboolean
parse_body (VmdChannelRequest *request, const VmdBodyMember *members, guint n_members)
{
  g_autoptr (GError) error = NULL;
  gsize length;
  const char *body = vmd_channel_request_get_body (request, &length);

  if (vmd_body_parse (body, length, members, n_members, &error))
    return TRUE;
  vmd_channel_request_fail (request, error);
  return FALSE;
}

static void
ask (VmdChannelRequest *request, VmdDirectoryQuestion question)
{
  const VmdDirectoryQuery query = { .question = question };

  vmd_channel_request_query (request, &query);
}

/* The body is JSON that the directory reads. */
static void
change_by_body (VmdChannelRequest *request, VmdDirectoryVerb verb)
{
  gsize length;
  VmdDirectoryChange change = { .verb = verb };

  change.json = vmd_channel_request_get_body (request, &length);
  if (strlen (change.json) == length)
    vmd_channel_request_change (request, &change, SOUP_STATUS_OK, NULL);
  else
    vmd_channel_request_refuse (request, SOUP_STATUS_BAD_REQUEST, "InvalidArgument",
                                "The body has a NUL in it");
}

static void
roll_back (VmdChannelRequest *request, VmdDirectoryVerb verb)
{
  VmdDirectoryChange change = { .verb = verb };
  const VmdBodyMember member = { "version", VMD_BODY_NUMBER, &change.version, TRUE };

  if (parse_body (request, &member, 1))
    vmd_channel_request_change (request, &change, SOUP_STATUS_OK, NULL);
}

static void
change_silently (VmdChannelRequest *request, VmdDirectoryVerb verb, const char *text)
{
  VmdDirectoryChange change = { .verb = verb, .text = text };

  vmd_channel_request_change (request, &change, SOUP_STATUS_NO_CONTENT, NULL);
}

/* -- Devices -- */

void
vmd_channel_serve_add_device (VmdChannelRequest *request)
{
  g_autofree char *id = NULL;
  g_autofree char *schema = NULL;
  const VmdBodyMember members[] = {
    { "id", VMD_BODY_STRING, &id, TRUE },
    { "schema", VMD_BODY_OBJECT, &schema, FALSE },
  };
  VmdDirectoryChange change = { .verb = VMD_DIRECTORY_ADD_DEVICE };

  if (!parse_body (request, members, G_N_ELEMENTS (members)))
    return;
  change.target = id;
  change.json = schema;
  vmd_channel_request_change (request, &change, SOUP_STATUS_CREATED, NULL);
}

void
vmd_channel_serve_devices (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_DEVICES);
}

void
vmd_channel_serve_device (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_DEVICE);
}

void
vmd_channel_serve_remove_device (VmdChannelRequest *request)
{
  change_silently (request, VMD_DIRECTORY_REMOVE_DEVICE, NULL);
}

void
vmd_channel_serve_replace_config (VmdChannelRequest *request)
{
  change_by_body (request, VMD_DIRECTORY_REPLACE_CONFIG);
}

void
vmd_channel_serve_patch_config (VmdChannelRequest *request)
{
  change_by_body (request, VMD_DIRECTORY_PATCH_CONFIG);
}

void
vmd_channel_serve_history (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_DEVICE_HISTORY);
}

void
vmd_channel_serve_rollback (VmdChannelRequest *request)
{
  roll_back (request, VMD_DIRECTORY_ROLLBACK);
}

void
vmd_channel_serve_schema (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_DEVICE_SCHEMA);
}

/* As GET gives it: null takes the schema away. */
void
vmd_channel_serve_set_schema (VmdChannelRequest *request)
{
  g_autofree char *schema = NULL;
  const VmdBodyMember member = { "schema", VMD_BODY_OBJECT, &schema, TRUE };
  VmdDirectoryChange change = { .verb = VMD_DIRECTORY_SET_SCHEMA };

  if (!parse_body (request, &member, 1))
    return;
  change.json = schema;
  vmd_channel_request_change (request, &change, SOUP_STATUS_OK, NULL);
}

/* -- Tokens -- */

void
vmd_channel_serve_tokens (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_DEVICE_TOKENS);
}

static char *
format_token (VmdChannelRequest *request, guint64 version, const char *text)
{
  g_autofree char *quoted = vmd_body_quote (text);

  return g_strdup_printf ("{\"token\":%s}", quoted);
}

void
vmd_channel_serve_add_token (VmdChannelRequest *request)
{
  g_autofree char *label = NULL;
  guint64 expires = 0;
  const VmdBodyMember members[] = {
    { "label", VMD_BODY_STRING, &label, TRUE },
    { "expires", VMD_BODY_NUMBER, &expires, FALSE },
  };
  VmdDirectoryChange change = { .verb = VMD_DIRECTORY_ADD_TOKEN };

  if (!parse_body (request, members, G_N_ELEMENTS (members)))
    return;
  change.text = label;
  change.time = MIN (expires, (guint64) G_MAXINT64);
  vmd_channel_request_change (request, &change, SOUP_STATUS_CREATED, format_token);
}

void
vmd_channel_serve_revoke_token (VmdChannelRequest *request)
{
  change_silently (request, VMD_DIRECTORY_REVOKE_TOKEN, request->parameters[1]);
}

/* -- Groups -- */

void
vmd_channel_serve_add_group (VmdChannelRequest *request)
{
  g_autofree char *name = NULL;
  const VmdBodyMember member = { "name", VMD_BODY_STRING, &name, TRUE };
  VmdDirectoryChange change = { .verb = VMD_DIRECTORY_ADD_GROUP };

  if (!parse_body (request, &member, 1))
    return;
  change.target = name;
  vmd_channel_request_change (request, &change, SOUP_STATUS_CREATED, NULL);
}

void
vmd_channel_serve_groups (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_GROUPS);
}

void
vmd_channel_serve_group (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_GROUP);
}

void
vmd_channel_serve_remove_group (VmdChannelRequest *request)
{
  change_silently (request, VMD_DIRECTORY_REMOVE_GROUP, NULL);
}

void
vmd_channel_serve_replace_group (VmdChannelRequest *request)
{
  change_by_body (request, VMD_DIRECTORY_REPLACE_GROUP);
}

void
vmd_channel_serve_patch_group (VmdChannelRequest *request)
{
  change_by_body (request, VMD_DIRECTORY_PATCH_GROUP);
}

void
vmd_channel_serve_group_history (VmdChannelRequest *request)
{
  ask (request, VMD_DIRECTORY_GROUP_HISTORY);
}

void
vmd_channel_serve_group_rollback (VmdChannelRequest *request)
{
  roll_back (request, VMD_DIRECTORY_ROLLBACK_GROUP);
}

void
vmd_channel_serve_join_group (VmdChannelRequest *request)
{
  change_silently (request, VMD_DIRECTORY_JOIN_GROUP, request->parameters[1]);
}

void
vmd_channel_serve_leave_group (VmdChannelRequest *request)
{
  change_silently (request, VMD_DIRECTORY_LEAVE_GROUP, request->parameters[1]);
}

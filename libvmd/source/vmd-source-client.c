/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-source-frame-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <limits.h>
#include <string.h>

/* The library's end. What the source says of itself is for people and for progress: nothing is
 * opened, run or trusted by it. */

/* Longest commit hash (sha256), reference name, message. */
#define HEAD_MAX 64
#define BRANCH_MAX 1024
#define MESSAGE_MAX 4096
#define MANIFEST_LENGTH 64
#define BYE_TIMEOUT 1000

void
vmd_source_description_free (VmdSourceDescription *description)
{
  g_free (description->repository);
  g_free (description->head);
  g_free (description->branch);
  g_free (description->manifest);
  g_free (description);
}

/* The error that the source reports, with the code that its name means. */
static gboolean
fail_reported (const GByteArray *payload, GError **error)
{
  g_autoptr (JsonObject) object = vmd_frame_parse_object (payload, error);
  const char *name, *message;
  VmdError code = VMD_ERROR_FAILED;

  if (object == NULL || !vmd_frame_get_string (object, "code", MESSAGE_MAX, &name, error) ||
      !vmd_frame_get_string (object, "message", MESSAGE_MAX, &message, error))
    return FALSE;
  for (guint i = 0; i < VMD_N_ERRORS; i++)
    if (strcmp (vmd_error_get_bus_name (i), name) == 0)
      code = i;

  return vmd_fail (error, code, "%s", message);
}

static gboolean
expect (VmdFrameType type, VmdFrameType expected, const GByteArray *payload, GError **error)
{
  if (type == expected)
    return TRUE;
  if (type == VMD_FRAME_ERROR)
    return fail_reported (payload, error);

  return vmd_fail (error, VMD_ERROR_PROTOCOL, "the workspace's source sent '%c' where '%c' belongs",
                   type, expected);
}

static gboolean
is_hex (const char *text)
{
  return text[strspn (text, "0123456789abcdef")] == '\0';
}

static VmdSourceDescription *
parse_description (const GByteArray *payload, GError **error)
{
  g_autoptr (VmdSourceDescription) self = g_new0 (VmdSourceDescription, 1);
  g_autoptr (JsonObject) object = vmd_frame_parse_object (payload, error);
  const char *repository, *head;
  const char *branch = NULL;
  guint64 version;

  if (object == NULL || !vmd_frame_get_count (object, "version", &version, error))
    return NULL;
  if (version != VMD_SOURCE_PROTOCOL_VERSION)
    {
      vmd_fail (error, VMD_ERROR_PROTOCOL,
                "the workspace's source speaks version %" G_GUINT64_FORMAT
                " of the protocol, not %d; update the older side",
                version, VMD_SOURCE_PROTOCOL_VERSION);
      return NULL;
    }
  if (!vmd_frame_get_string (object, "repository", PATH_MAX, &repository, error) ||
      !vmd_frame_get_string (object, "head", HEAD_MAX, &head, error) ||
      !vmd_frame_get_count (object, "files", &self->files, error) ||
      !vmd_frame_get_count (object, "bytes", &self->bytes, error))
    return NULL;
  if (json_object_has_member (object, "branch") &&
      !json_object_get_null_member (object, "branch") &&
      !vmd_frame_get_string (object, "branch", BRANCH_MAX, &branch, error))
    return NULL;
  if (!is_hex (head))
    {
      vmd_fail (error, VMD_ERROR_PROTOCOL, "the workspace's source names a head that is no commit");
      return NULL;
    }

  self->repository = g_strdup (repository);
  self->head = g_strdup (head);
  self->branch = g_strdup (branch);
  return g_steal_pointer (&self);
}

/**
 * vmd_source_client_hello: (skip)
 * @fd: the socket
 * @cancellable: (nullable): ends it
 * @deadline: a time of g_get_monotonic_time(), or %VMD_NO_DEADLINE
 * @error: PROTOCOL, CANCELLED, TIMED_OUT, or what the source reports
 *
 * Asks the source who it is.
 *
 * Returns: (transfer full) (nullable): what it says, without the manifest
 */
VmdSourceDescription *
vmd_source_client_hello (int fd, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  JsonObject *question = json_object_new ();
  VmdFrameType type;

  json_object_set_int_member (question, "version", VMD_SOURCE_PROTOCOL_VERSION);
  if (!vmd_frame_write_object (fd, VMD_FRAME_HELLO, question, cancellable, deadline, error) ||
      !vmd_frame_read (fd, &type, payload, cancellable, deadline, error) ||
      !expect (type, VMD_FRAME_HELLO, payload, error))
    return NULL;

  return parse_description (payload, error);
}

/**
 * vmd_source_client_begin_stream: (skip)
 * @fd: the socket
 * @mode: which form of the workspace is wanted
 * @cancellable: (nullable): ends it
 * @deadline: a time of g_get_monotonic_time(), or %VMD_NO_DEADLINE
 * @error: PROTOCOL, CANCELLED, TIMED_OUT
 *
 * Asks for the stream, which vmd_source_client_next() then reads.
 *
 * Returns: whether the question was sent
 */
gboolean
vmd_source_client_begin_stream (int fd, const char *mode, GCancellable *cancellable,
                                gint64 deadline, GError **error)
{
  JsonObject *question = json_object_new ();

  json_object_set_string_member (question, "mode", mode);
  return vmd_frame_write_object (fd, VMD_FRAME_STREAM, question, cancellable, deadline, error);
}

static gboolean
take_end (VmdSourceDescription *description, const GByteArray *payload, GError **error)
{
  g_autoptr (JsonObject) object = vmd_frame_parse_object (payload, error);
  const char *manifest;

  if (object == NULL || !vmd_frame_get_count (object, "files", &description->files, error) ||
      !vmd_frame_get_count (object, "bytes", &description->bytes, error) ||
      !vmd_frame_get_string (object, "manifest", MANIFEST_LENGTH, &manifest, error))
    return FALSE;
  if (strlen (manifest) != MANIFEST_LENGTH || !is_hex (manifest))
    return vmd_fail (error, VMD_ERROR_PROTOCOL, "the workspace's source sent no proper manifest");

  g_free (description->manifest);
  description->manifest = g_strdup (manifest);
  return TRUE;
}

/**
 * vmd_source_client_next: (skip)
 * @fd: the socket
 * @buffer: gets the next piece of the tar; nothing at the end
 * @ended: (out): whether the stream is at its end
 * @description: gets the true counts and the manifest at the end
 * @cancellable: (nullable): ends it
 * @deadline: a time of g_get_monotonic_time(), or %VMD_NO_DEADLINE
 * @error: PROTOCOL, CANCELLED, TIMED_OUT, or what the source reports: then the tar has no end
 *
 * Reads on in the stream.
 *
 * Returns: whether there is a piece, or the end
 */
gboolean
vmd_source_client_next (int fd, GByteArray *buffer, gboolean *ended,
                        VmdSourceDescription *description, GCancellable *cancellable,
                        gint64 deadline, GError **error)
{
  VmdFrameType type;

  *ended = FALSE;
  if (!vmd_frame_read (fd, &type, buffer, cancellable, deadline, error))
    return FALSE;
  if (type == VMD_FRAME_DATA)
    return buffer->len > 0 ||
           vmd_fail (error, VMD_ERROR_PROTOCOL, "the workspace's source sent an empty piece");
  if (!expect (type, VMD_FRAME_END, buffer, error) || !take_end (description, buffer, error))
    return FALSE;

  g_byte_array_set_size (buffer, 0);
  *ended = TRUE;
  return TRUE;
}

/**
 * vmd_source_client_bye: (skip)
 * @fd: the socket; it stays the caller's to close
 *
 * Lets the source end well. One that does not listen is not waited for.
 */
void
vmd_source_client_bye (int fd)
{
  vmd_frame_write (fd, VMD_FRAME_BYE, NULL, 0, NULL, vmd_deadline_in (BYE_TIMEOUT), NULL);
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-source-server-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"
#include "vmd-source-frame-private.h"
#include "vmd-source-stream-private.h"

#include <string.h>

/* Answers questions until the other side says goodbye. There is no deadline here: a question may
 * come after a long wait for a lock, and the stream goes as fast as the guest takes it; whoever
 * waits for the source has its cancellable. */

/* For telling what went wrong to a side that may not listen: milliseconds. */
#define REPORT_TIMEOUT 5000

typedef struct
{
  int fd;
  GCancellable *cancellable;
} VmdSourcePeer;

static gboolean
answer_hello (const VmdSourceIdentity *self, VmdSourcePeer *peer, GError **error)
{
  g_autofree char *repository = vmd_source_display_name (self->tree->top);
  g_autofree char *branch = self->branch != NULL ? vmd_source_display_name (self->branch) : NULL;
  JsonObject *answer = json_object_new ();

  json_object_set_int_member (answer, "version", VMD_SOURCE_PROTOCOL_VERSION);
  json_object_set_string_member (answer, "repository", repository);
  json_object_set_string_member (answer, "head", self->head);
  if (branch != NULL)
    json_object_set_string_member (answer, "branch", branch);
  else
    json_object_set_null_member (answer, "branch");
  json_object_set_int_member (answer, "files", self->tree->files->len);
  json_object_set_int_member (answer, "bytes", (gint64) self->tree->bytes);
  return vmd_frame_write_object (peer->fd, VMD_FRAME_HELLO, answer, peer->cancellable,
                                 VMD_NO_DEADLINE, error);
}

static gboolean
send_piece_cb (const void *bytes, gsize length, gpointer data, GError **error)
{
  VmdSourcePeer *peer = data;

  return vmd_frame_write (peer->fd, VMD_FRAME_DATA, bytes, length, peer->cancellable,
                          VMD_NO_DEADLINE, error);
}

static gboolean
answer_stream (const VmdSourceIdentity *self, VmdSourcePeer *peer, const GByteArray *question,
               GError **error)
{
  g_autoptr (JsonObject) object = vmd_frame_parse_object (question, error);
  JsonObject *answer;
  VmdSourceTotals totals;
  const char *mode;

  if (object == NULL || !vmd_frame_get_string (object, "mode", 64, &mode, error))
    return FALSE;
  if (strcmp (mode, "full-copy") != 0)
    return vmd_fail (error, VMD_ERROR_UNSUPPORTED,
                     "the workspace's source knows the mode 'full-copy', not '%s'", mode);
  if (!vmd_source_stream (self->tree, send_piece_cb, peer, &totals, peer->cancellable, error))
    return FALSE;

  answer = json_object_new ();
  json_object_set_int_member (answer, "files", (gint64) totals.files);
  json_object_set_int_member (answer, "bytes", (gint64) totals.bytes);
  json_object_set_string_member (answer, "manifest", totals.manifest);
  return vmd_frame_write_object (peer->fd, VMD_FRAME_END, answer, peer->cancellable,
                                 VMD_NO_DEADLINE, error);
}

static gboolean
answer (const VmdSourceIdentity *self, VmdSourcePeer *peer, VmdFrameType type,
        const GByteArray *question, GError **error)
{
  if (type == VMD_FRAME_HELLO)
    return answer_hello (self, peer, error);
  if (type == VMD_FRAME_STREAM)
    return answer_stream (self, peer, question, error);

  return vmd_fail (error, VMD_ERROR_PROTOCOL, "the workspace's source knows no question 0x%02x",
                   (guint) type);
}

/* Tells the other side why it gets no answer, if it still listens. */
static void
report (VmdSourcePeer *peer, const GError *failure)
{
  VmdError code = failure->domain == VMD_ERROR ? (VmdError) failure->code : VMD_ERROR_FAILED;
  g_autofree char *message = vmd_source_display_name (failure->message);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "code", vmd_error_get_bus_name (code));
  json_object_set_string_member (object, "message", message);
  vmd_frame_write_object (peer->fd, VMD_FRAME_ERROR, object, NULL, vmd_deadline_in (REPORT_TIMEOUT),
                          NULL);
}

/**
 * vmd_source_answer_all: (skip)
 * @self: who answers
 * @fd: a connected stream socket; it stays the caller's
 * @cancellable: (nullable): ends it
 * @error: what was reported to the other side as well
 *
 * Answers what comes over @fd until goodbye, or until the other side hangs up between two
 * questions.
 *
 * Returns: whether all questions were answered
 */
gboolean
vmd_source_answer_all (const VmdSourceIdentity *self, int fd, GCancellable *cancellable,
                       GError **error)
{
  VmdSourcePeer peer = { .fd = fd, .cancellable = cancellable };
  g_autoptr (GByteArray) question = g_byte_array_new ();
  g_autoptr (GError) failure = NULL;
  gboolean ended = FALSE;
  VmdFrameType type;

  while (
      vmd_frame_read_or_end (fd, &type, question, &ended, cancellable, VMD_NO_DEADLINE, &failure))
    {
      if (ended || type == VMD_FRAME_BYE)
        return TRUE;
      if (!answer (self, &peer, type, question, &failure))
        break;
    }

  /* A frame may have been cut by the cancelling: nothing after it would be understood. */
  if (!g_error_matches (failure, VMD_ERROR, VMD_ERROR_CANCELLED))
    report (&peer, failure);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

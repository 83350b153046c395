/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

#include "vmd-manager-directory-private.h"

#include <string.h>

/* Tokens: who is let in, and what is kept of them. */

#define ADMIN "0123456789abcdef.0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static VmdDevice *
add (Fixture *fixture, const char *id)
{
  g_autoptr (GError) error = NULL;
  VmdDevice *device = add_device (fixture->manager, id, NULL, &error);

  g_assert_no_error (error);
  return device;
}

static char *
give (VmdDevice *device, const char *label, gint64 expires)
{
  g_autoptr (GError) error = NULL;
  char *token = add_token (device, label, expires, &error);

  g_assert_no_error (error);
  return token;
}

static VmdDeviceDirectory *
open_directory (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VmdManagerDirectory *directory = vmd_manager_directory_new (fixture->manager, ADMIN, &error);

  g_assert_no_error (error);
  return VMD_DEVICE_DIRECTORY (directory);
}

static void
assert_let_in (VmdDeviceDirectory *directory, const char *device, const char *token)
{
  g_autoptr (GError) error = NULL;
  VmdCredential credential = { 0 };

  vmd_device_directory_authenticate (directory, device, token, &credential, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (credential.id, strlen (credential.id), token, VMD_TOKEN_ID_LENGTH);
}

/* And that it is not said why. */
static void
assert_shut_out (VmdDeviceDirectory *directory, const char *device, const char *token)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) other = NULL;
  VmdCredential credential = { 0 };

  g_assert_false (
      vmd_device_directory_authenticate (directory, device, token, &credential, &error));
  assert_vmd_error (error, VMD_ERROR_PERMISSION_DENIED);
  g_assert_cmpstr (credential.id, ==, "");
  g_assert_false (
      vmd_device_directory_authenticate (directory, "no-such-device", ADMIN, &credential, &other));
  g_assert_cmpstr (error->message, ==, other->message);
}

static void
test_rotation (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDeviceDirectory) directory = open_directory (fixture);
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autoptr (VmdDevice) other = add (fixture, "b");
  g_autofree char *old = give (device, "old", 0);
  g_autofree char *old_id = g_strndup (old, VMD_TOKEN_ID_LENGTH);
  g_autofree char *new = NULL;
  g_autoptr (GListModel) tokens = NULL;
  g_autoptr (VmdDeviceToken) first = NULL;

  assert_let_in (directory, "a", old);
  assert_shut_out (directory, "b", old);
  new = give (device, "new", 0);
  g_assert_cmpstr (new, !=, old);
  assert_let_in (directory, "a", old);
  assert_let_in (directory, "a", new);
  assert_refused (revoke_token (other, old_id, &error), VMD_ERROR_NOT_FOUND);
  assert_good (revoke_token (device, old_id, &error));
  assert_refused (revoke_token (device, old_id, &error), VMD_ERROR_NOT_FOUND);
  assert_shut_out (directory, "a", old);
  assert_let_in (directory, "a", new);
  tokens = vmd_device_list_tokens (device);
  g_assert_cmpuint (g_list_model_get_n_items (tokens), ==, 1);
  first = g_list_model_get_item (tokens, 0);
  g_assert_cmpstr (vmd_device_token_get_label (first), ==, "new");
  g_assert_cmpint (vmd_device_token_get_created (first), >, 0);
  /* With the device goes what it was known by, also for a new one of its name. */
  assert_good (remove_device (device, &error));
  assert_shut_out (directory, "a", new);
  g_clear_object (&device);
  device = add (fixture, "a");
  assert_shut_out (directory, "a", new);
}

/* Each digit counts, and nothing but a token is one. */
static void
test_forged (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = { "", ".", "x", "0123456789abcdef", "0123456789abcdef." };
  g_autoptr (VmdDeviceDirectory) directory = open_directory (fixture);
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autofree char *token = give (device, NULL, 0);
  g_autofree char *longer = g_strconcat (token, "0", NULL);
  gsize length = strlen (token);

  for (gsize i = 0; i < length; i++)
    {
      g_autofree char *forged = g_strdup (token);

      forged[i] = token[i] == '0' ? '1' : '0';
      assert_shut_out (directory, "a", forged);
      forged[i] = '\0';
      assert_shut_out (directory, "a", forged);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_shut_out (directory, "a", bad[i]);
  assert_shut_out (directory, "a", longer);
  assert_shut_out (directory, "a", ADMIN);
  assert_let_in (directory, "a", token);
  assert_refused (vmd_device_directory_authenticate_admin (directory, token, &error),
                  VMD_ERROR_PERMISSION_DENIED);
  assert_good (vmd_device_directory_authenticate_admin (directory, ADMIN, &error));
}

static void
test_expiry (Fixture *fixture, gconstpointer data)
{
  gint64 now = vmd_clock_get_wall (fixture->manager->clock);
  gint64 later = now + 1000 * G_USEC_PER_SEC;
  g_autoptr (VmdDeviceDirectory) directory = open_directory (fixture);
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autofree char *over = give (device, "over", now);
  g_autofree char *good = give (device, "good", later);
  g_autoptr (GListModel) tokens = vmd_device_list_tokens (device);
  g_autoptr (VmdDeviceToken) token = g_list_model_get_item (tokens, 1);
  char id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE];

  assert_shut_out (directory, "a", over);
  assert_let_in (directory, "a", good);
  g_assert_cmpint (vmd_device_token_get_expires (token), ==, later);
  g_assert_true (vmd_bearer_token_split (good, id, hash));
  g_assert_true (vmd_device_token_matches (token, id, hash, later - 1));
  g_assert_false (vmd_device_token_matches (token, id, hash, later));
}

static void
test_limits (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autofree char *long_label = g_strnfill (65, 'x');
  g_autofree char *label = g_strnfill (64, 'x');

  assert_refused (add_token (device, long_label, 0, &error) != NULL, VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (add_token (device, "\xff", 0, &error) != NULL, VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (add_token (device, "x", -1, &error) != NULL, VMD_ERROR_INVALID_ARGUMENT);
  for (guint i = 0; i < 16; i++)
    g_free (give (device, label, 0));
  assert_refused (add_token (device, "x", 0, &error) != NULL, VMD_ERROR_WRONG_STATE);
  assert_good (remove_device (device, &error));
  assert_refused (add_token (device, "x", 0, &error) != NULL, VMD_ERROR_NOT_FOUND);
  assert_refused (revoke_token (device, "0123456789abcdef", &error), VMD_ERROR_NOT_FOUND);
}

/* A guest has one, that of its last start; what others were given for it stays. */
static void
test_guest (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDeviceDirectory) directory = open_directory (fixture);
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "web");
  g_autoptr (VmdDevice) device = vmd_manager_find_device (fixture->manager, "web", NULL);
  const char *id = vmd_vm_get_id (vm);
  g_autofree char *by_hand = give (device, "by hand", 0);
  g_autofree char *first = vmd_manager_renew_guest_token (fixture->manager, id, NULL);
  g_autofree char *second = NULL;

  assert_let_in (directory, id, first);
  second = vmd_manager_renew_guest_token (fixture->manager, id, NULL);
  assert_shut_out (directory, id, first);
  assert_let_in (directory, id, second);
  assert_let_in (directory, id, by_hand);
  assert_refused (vmd_manager_renew_guest_token (fixture->manager, "nobody", &error) != NULL,
                  VMD_ERROR_NOT_FOUND);
}

/* -- What is in the files -- */

static gboolean
is_in_file (const char *path, gconstpointer needle, gsize length)
{
  g_autofree char *content = NULL;
  gsize size = 0;

  return g_file_get_contents (path, &content, &size, NULL) &&
         memmem (content, size, needle, length) != NULL;
}

/* In the database, with what is not checkpointed yet and what was freed. */
static gboolean
is_stored (Fixture *fixture, gconstpointer needle, gsize length)
{
  static const char *const names[] = { "vmd.db", "vmd.db-wal", "vmd.db-shm" };
  gboolean is_there = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->state_dir, names[i], NULL);

      is_there |= is_in_file (path, needle, length);
    }
  return is_there;
}

static void
assert_not_stored (Fixture *fixture, const char *token)
{
  const char *secret = token + VMD_TOKEN_ID_LENGTH + 1;
  char id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE];
  guint8 raw[VMD_TOKEN_SECRET_LENGTH / 2];

  for (guint i = 0; i < sizeof raw; i++)
    raw[i] = g_ascii_xdigit_value (secret[2 * i]) << 4 | g_ascii_xdigit_value (secret[2 * i + 1]);
  g_assert_true (vmd_bearer_token_split (token, id, hash));
  /* The search does find what is there. */
  g_assert_true (is_stored (fixture, hash, sizeof hash));
  g_assert_true (is_stored (fixture, id, VMD_TOKEN_ID_LENGTH));
  g_assert_false (is_stored (fixture, secret, VMD_TOKEN_SECRET_LENGTH));
  g_assert_false (is_stored (fixture, secret, VMD_TOKEN_SECRET_LENGTH / 2));
  g_assert_false (is_stored (fixture, raw, sizeof raw));
}

static void
test_only_hashes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "web");
  g_autofree char *first = give (device, "one", 0);
  g_autofree char *second = give (device, "two", 0);
  g_autofree char *guest = NULL;

  guest = vmd_manager_renew_guest_token (fixture->manager, vmd_vm_get_id (vm), NULL);
  assert_not_stored (fixture, first);
  assert_not_stored (fixture, second);
  assert_not_stored (fixture, guest);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/device-tokens/rotation", test_rotation);
  add_test ("/device-tokens/forged", test_forged);
  add_test ("/device-tokens/expiry", test_expiry);
  add_test ("/device-tokens/limits", test_limits);
  add_test ("/device-tokens/guest", test_guest);
  add_test ("/device-tokens/only-hashes", test_only_hashes);
  return handles_test_run ();
}

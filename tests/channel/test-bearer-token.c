/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-bearer-token-private.h"

#include <string.h>

static void
test_new (void)
{
  char id[VMD_TOKEN_ID_LENGTH + 1], split_id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE], split_hash[VMD_TOKEN_HASH_SIZE];
  g_autoptr (GError) error = NULL;
  g_autofree char *token = vmd_bearer_token_new (id, hash, &error);
  g_autofree char *other = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (token), ==, VMD_TOKEN_ID_LENGTH + 1 + VMD_TOKEN_SECRET_LENGTH);
  g_assert_true (vmd_bearer_token_split (token, split_id, split_hash));
  g_assert_cmpstr (split_id, ==, id);
  g_assert_true (vmd_bearer_token_hash_equal (split_hash, hash));

  other = vmd_bearer_token_new (split_id, split_hash, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (other, !=, token);
  g_assert_cmpstr (split_id, !=, id);
  g_assert_false (vmd_bearer_token_hash_equal (split_hash, hash));
}

#define ID "0123456789abcdef"
#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* As anybody computes it: printf %s SECRET | sha256sum. */
static void
test_hash_is_of_the_secret (void)
{
  char id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE];
  g_autofree char *expected = g_compute_checksum_for_string (G_CHECKSUM_SHA256, SECRET, -1);
  GString *text = g_string_new (NULL);

  g_assert_true (vmd_bearer_token_split (ID "." SECRET, id, hash));
  g_assert_cmpstr (id, ==, ID);
  for (guint i = 0; i < sizeof hash; i++)
    g_string_append_printf (text, "%02x", hash[i]);
  g_assert_cmpstr (text->str, ==, expected);
  g_string_free (text, TRUE);
}

static void
test_what_is_no_token (void)
{
  static const char *const bad[] = {
    "",
    ".",
    ID,
    ID ".",
    "." SECRET,
    ID SECRET,
    ID "." SECRET "0",
    ID "." SECRET "\n",
    " " ID "." SECRET,
    ID ".." SECRET,
    "0" ID "." SECRET,
    "g123456789abcdef." SECRET,
    "0123456789ABCDEF." SECRET,
    ID ".G0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    ID ".A0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "0123456789abcde.0" SECRET,
  };
  char id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE];

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (vmd_bearer_token_split (bad[i], id, hash));
}

static void
test_each_byte_of_a_hash_counts (void)
{
  guint8 a[VMD_TOKEN_HASH_SIZE] = { 0 }, b[VMD_TOKEN_HASH_SIZE] = { 0 };

  g_assert_true (vmd_bearer_token_hash_equal (a, b));
  for (guint bit = 0; bit < 8 * sizeof a; bit++)
    {
      b[bit / 8] ^= 1u << bit % 8;
      g_assert_false (vmd_bearer_token_hash_equal (a, b));
      b[bit / 8] ^= 1u << bit % 8;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bearer-token/new", test_new);
  g_test_add_func ("/bearer-token/hash-is-of-the-secret", test_hash_is_of_the_secret);
  g_test_add_func ("/bearer-token/what-is-no-token", test_what_is_no_token);
  g_test_add_func ("/bearer-token/each-byte-of-a-hash-counts", test_each_byte_of_a_hash_counts);
  return g_test_run ();
}

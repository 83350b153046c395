/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-bearer-token-private.h"

#include "../base/vmd-failure-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The secret is 256 random bits, which nobody guesses and no dictionary has; so its hash needs
 * neither salt nor slowness, and a connection costs one sha256. The id is no secret: it finds the
 * row, and names the token to people. */

#define TOKEN_LENGTH (VMD_TOKEN_ID_LENGTH + 1 + VMD_TOKEN_SECRET_LENGTH)

static void
hash_secret (const char *secret, guint8 hash[VMD_TOKEN_HASH_SIZE])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = VMD_TOKEN_HASH_SIZE;

  g_checksum_update (checksum, (const guchar *) secret, VMD_TOKEN_SECRET_LENGTH);
  g_checksum_get_digest (checksum, hash, &size);
}

static void
write_hexadecimal (const guint8 *bytes, gsize n_bytes, char *text)
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < n_bytes; i++)
    {
      *text++ = digits[bytes[i] >> 4];
      *text++ = digits[bytes[i] & 15];
    }
}

char *
vmd_bearer_token_new (char id[VMD_TOKEN_ID_LENGTH + 1], guint8 hash[VMD_TOKEN_HASH_SIZE],
                      GError **error)
{
  guint8 bytes[(VMD_TOKEN_ID_LENGTH + VMD_TOKEN_SECRET_LENGTH) / 2];
  char *token;

  /* Reads of up to 256 bytes are never short. */
  while (getrandom (bytes, sizeof bytes, 0) != (gssize) sizeof bytes)
    if (errno != EINTR)
      {
        vmd_fail_errno (error, errno, "no random numbers for a token");
        return NULL;
      }
  token = g_malloc0 (TOKEN_LENGTH + 1);
  write_hexadecimal (bytes, VMD_TOKEN_ID_LENGTH / 2, token);
  token[VMD_TOKEN_ID_LENGTH] = '.';
  write_hexadecimal (bytes + VMD_TOKEN_ID_LENGTH / 2, VMD_TOKEN_SECRET_LENGTH / 2,
                     token + VMD_TOKEN_ID_LENGTH + 1);
  explicit_bzero (bytes, sizeof bytes);
  memcpy (id, token, VMD_TOKEN_ID_LENGTH);
  id[VMD_TOKEN_ID_LENGTH] = '\0';
  hash_secret (token + VMD_TOKEN_ID_LENGTH + 1, hash);

  return token;
}

gboolean
vmd_bearer_token_split (const char *token, char id[VMD_TOKEN_ID_LENGTH + 1],
                        guint8 hash[VMD_TOKEN_HASH_SIZE])
{
  static const char digits[] = "0123456789abcdef";

  if (strnlen (token, TOKEN_LENGTH + 1) != TOKEN_LENGTH ||
      strspn (token, digits) != VMD_TOKEN_ID_LENGTH || token[VMD_TOKEN_ID_LENGTH] != '.' ||
      strspn (token + VMD_TOKEN_ID_LENGTH + 1, digits) != VMD_TOKEN_SECRET_LENGTH)
    return FALSE;
  memcpy (id, token, VMD_TOKEN_ID_LENGTH);
  id[VMD_TOKEN_ID_LENGTH] = '\0';
  hash_secret (token + VMD_TOKEN_ID_LENGTH + 1, hash);

  return TRUE;
}

/* What is compared are hashes, of which a caller can choose no byte; still, nothing is told by
 * time. */
gboolean
vmd_bearer_token_hash_equal (const guint8 a[VMD_TOKEN_HASH_SIZE],
                             const guint8 b[VMD_TOKEN_HASH_SIZE])
{
  volatile guint8 difference = 0;

  for (gsize i = 0; i < VMD_TOKEN_HASH_SIZE; i++)
    difference |= a[i] ^ b[i];
  return difference == 0;
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-mux-frame-private.h"

#include <string.h>

/* The bytes of a guest's port, and what is made of any. */

#define BLOCK 16384

/* The wire as it is written down, byte for byte. */
static void
test_wire (void)
{
  static const guint8 expected[] = "\xf5\xff"
                                   "vmd-channel\xff\xfe\xfd\x01\x02\x03\x04\x05\x06\x07\x08"
                                   "\0\0\0\x09\x01\0\0\0\0"
                                   "\0\0\0\x09\x02\0\0\0\x02hi"
                                   "\0\0\0\x09\x03\0\0\0\x04\0\x01\0\0"
                                   "\0\0\0\x09\x04\0\0\0\0";
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  vmd_mux_put_hello (bytes, G_GUINT64_CONSTANT (0x0102030405060708));
  vmd_mux_put_frame (bytes, 9, VMD_MUX_OPEN, NULL, 0);
  vmd_mux_put_frame (bytes, 9, VMD_MUX_DATA, "hi", 2);
  vmd_mux_put_credit (bytes, 9, 65536);
  vmd_mux_put_frame (bytes, 9, VMD_MUX_CLOSE, NULL, 0);
  g_assert_cmpmem (bytes->data, bytes->len, expected, sizeof expected - 1);
}

typedef struct
{
  GByteArray *bytes;
  GString *expected;
} Script;

static void
script_add_frame (Script *script, guint32 id, guint kind, const guint8 *payload, gsize length)
{
  vmd_mux_put_frame (script->bytes, id, kind, payload, length);
  g_string_append_printf (script->expected, "%u %u %" G_GSIZE_FORMAT "\n", id, kind, length);
}

/* @pieces: how long each read is; 0: at random. */
static char *
decode (GByteArray *bytes, gsize pieces, GRand *random)
{
  VmdMuxDecoder decoder = { .in_session = TRUE };
  GString *seen = g_string_new (NULL);
  gsize at = 0;

  while (at < bytes->len)
    {
      gsize wanted = pieces > 0 ? pieces : (gsize) g_rand_int_range (random, 1, 40);
      gsize length = MIN (wanted, bytes->len - at);
      /* A copy, so that what reads beyond it is found out. */
      g_autofree guint8 *piece = g_memdup2 (bytes->data + at, length);
      const guint8 *next = piece;
      VmdMuxFound found;

      at += length;
      while ((found = vmd_mux_decoder_next (&decoder, &next, &length)) != VMD_MUX_FOUND_NOTHING)
        {
          if (found == VMD_MUX_FOUND_FRAME)
            g_string_append_printf (seen, "%u %u %u\n", decoder.frame.connection,
                                    decoder.frame.kind, decoder.frame.length);
          if (found == VMD_MUX_FOUND_HELLO)
            g_string_append_printf (seen, "hello %" G_GUINT64_FORMAT "\n", decoder.nonce);
          if (found == VMD_MUX_FOUND_GARBAGE)
            g_string_append (seen, "garbage\n");
          if (found != VMD_MUX_FOUND_FRAME)
            vmd_mux_decoder_set_session (&decoder, TRUE);
        }
    }
  vmd_mux_decoder_clear (&decoder);
  return g_string_free (seen, FALSE);
}

/* The same however it is cut into pieces. */
static void
test_pieces (void)
{
  Script script = { g_byte_array_new (), g_string_new (NULL) };
  g_autofree guint8 *payload = g_malloc0 (BLOCK);

  script_add_frame (&script, 1, VMD_MUX_OPEN, NULL, 0);
  script_add_frame (&script, 1, VMD_MUX_DATA, payload, BLOCK);
  /* Numbers that look like the beginning of a hello. */
  vmd_mux_put_credit (script.bytes, 1, 0xf5);
  vmd_mux_put_credit (script.bytes, 0xf5ff766d, 0xf5ff);
  g_string_append (script.expected, "1 3 4\n4127159917 3 4\n");
  script_add_frame (&script, 1, VMD_MUX_DATA, (const guint8 *) "\xf5\xf5\xffvmd-channel", 14);
  /* A hello in a frame, one in the nonce of another, and one in a header. */
  vmd_mux_put_frame (script.bytes, 1, VMD_MUX_DATA, payload, 100);
  g_byte_array_set_size (script.bytes, script.bytes->len - 50);
  vmd_mux_put_hello (script.bytes, 5);
  vmd_mux_put_hello (script.bytes, 0);
  g_byte_array_set_size (script.bytes, script.bytes->len - 5);
  vmd_mux_put_hello (script.bytes, 6);
  g_string_append_printf (script.expected, "hello 5\nhello %" G_GUINT64_FORMAT "\nhello 6\n",
                          G_GUINT64_CONSTANT (0xf5ff766d64));
  g_byte_array_append (script.bytes, payload, 3);
  vmd_mux_put_hello (script.bytes, 7);
  g_string_append (script.expected, "hello 7\n");
  script_add_frame (&script, 2, VMD_MUX_CLOSE, NULL, 0);

  for (gsize pieces = 1; pieces < 64; pieces++)
    {
      g_autofree char *seen = decode (script.bytes, pieces, NULL);

      g_assert_cmpstr (seen, ==, script.expected->str);
    }
  g_byte_array_unref (script.bytes);
  g_string_free (script.expected, TRUE);
}

/* Anything at all: the same in pieces as whole, and a hello at the end is always found. */
static void
test_fuzz (void)
{
  static const guint8 likely[] = { 0, 0, 0, 0, 1, 2, 3, 4, 5, 9, 0x40, 0xf5, 0xff, 'v', 'm', 'd' };
  guint rounds = g_test_thorough () ? 200000 : 20000;

  for (guint round = 0; round < rounds; round++)
    {
      g_autoptr (GRand) random = g_rand_new_with_seed (round);
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      g_autofree char *whole = NULL;
      g_autofree char *pieces = NULL;

      for (guint parts = g_rand_int_range (random, 1, 12); parts > 0; parts--)
        {
          if (g_rand_int_range (random, 0, 3) == 0)
            vmd_mux_put_hello (bytes, g_rand_int (random));
          else if (g_rand_int_range (random, 0, 2) == 0)
            vmd_mux_put_frame (bytes, g_rand_int_range (random, 0, 4),
                               g_rand_int_range (random, 0, 6), likely,
                               g_rand_int_range (random, 0, sizeof likely));
          else
            for (guint n = g_rand_int_range (random, 0, 30); n > 0; n--)
              g_byte_array_append (bytes, &likely[g_rand_int_range (random, 0, sizeof likely)], 1);
          if (bytes->len > 0 && g_rand_int_range (random, 0, 2) == 0)
            g_byte_array_set_size (bytes,
                                   bytes->len - g_rand_int_range (random, 0, 9) % bytes->len);
        }
      vmd_mux_put_hello (bytes, 77);
      whole = decode (bytes, bytes->len, NULL);
      pieces = decode (bytes, 0, random);
      g_assert_cmpstr (whole, ==, pieces);
      g_assert_true (g_str_has_suffix (whole, "hello 77\n"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mux-frame/wire", test_wire);
  g_test_add_func ("/mux-frame/pieces", test_pieces);
  g_test_add_func ("/mux-frame/fuzz", test_fuzz);
  return g_test_run ();
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-request-lines-private.h"
#include "scale.h"

#include <libsoup/soup.h>
#include <string.h>

#define GET "GET / HTTP/1.1\r\n"
/* With a NUL in it. */
#define TEXT(text) text, sizeof text - 1

static const struct
{
  const char *text;
  gsize length;
  gboolean is_good;
} cases[] = {
  { TEXT (GET "Host: a\r\n\r\n"), TRUE },
  { TEXT (GET "Content-Length: 7\r\n\r\n1234567"), TRUE },
  { TEXT (GET "content-length:0\n\n"), TRUE },
  { TEXT (GET "Content-Length:\t 131072 \r\n\r\n"), TRUE },
  { TEXT (GET "Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), TRUE },
  { TEXT (GET "X-Content-Length: none\r\n\r\n"), TRUE },
  { TEXT (GET "Host: a\r\n folded\r\n\r\n"), TRUE },
  { TEXT (GET "Content-Length: 9\r\n\r\n{\n  \"a\":1}"), TRUE },
  { TEXT (GET "Content-Length: 1\r\n\r\n1" GET "Content-Length: 2\r\n\r\n{}"), TRUE },
  { TEXT (GET "Content-Length: \r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: -1\r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: 1x\r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: 1\f\r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: 1, 1\r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: 1\r1\r\n\r\n"), FALSE },
  { TEXT (GET "CONTENT-LENGTH: 99999999999999999999\r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: 1\r\n 2\r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: 1\r\n\t\r\n\r\n"), FALSE },
  { TEXT (GET "Content-\0Length: x\r\n\r\n"), FALSE },
  { TEXT (GET "Transfer-Encoding: gzip\r\n\r\n"), FALSE },
  { TEXT (GET "Transfer-Encoding: chunked, gzip\r\n\r\n"), FALSE },
  { TEXT (GET "Transfer-Encoding:\r\n\r\n"), FALSE },
  { TEXT (GET "\r\ntransfer-encoding: chu\xe4ked\r\n\r\n"), FALSE },
  { TEXT (GET "Transfer-Encoding: chunked\r\n\0 x\r\n\r\n"), FALSE },
  { TEXT (GET "Content-Length: 1\r\n\r\n1" GET "Transfer-Encoding: x\r\n\r\n"), FALSE },
  { TEXT (GET "Transfer-Encoding: chunked                                             ;x\r\n"),
    FALSE },
};

/* In whatever pieces it comes. */
static void
test_pieces (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize first = 0; first <= cases[i].length; first++)
      {
        VmdRequestLines lines = { 0 };
        gboolean is_good =
            vmd_request_lines_take (&lines, cases[i].text, first) &&
            vmd_request_lines_take (&lines, cases[i].text + first, cases[i].length - first);

        if (is_good != cases[i].is_good)
          g_error ("case %" G_GSIZE_FORMAT ": %s", i, cases[i].text);
      }
}

/* A line of whatever length is no more than its beginning. */
static void
test_long_line (void)
{
  g_autofree char *line = g_strnfill (100000, 'x');
  VmdRequestLines lines = { 0 };

  g_assert_true (vmd_request_lines_take (&lines, line, 100000));
  g_assert_true (vmd_request_lines_take (&lines, "\n", 1));
  g_assert_false (vmd_request_lines_take (&lines, "Content-Length: x\n", 18));
}

static GString *
make_header (void)
{
  static const char *const pieces[] = { "Content-Length",
                                        "Transfer-Encoding",
                                        "A: b\r\n",
                                        "Content-Length: 5\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        GET,
                                        "chunked",
                                        "\r\n",
                                        "\n",
                                        "\r",
                                        ":",
                                        ",",
                                        ";",
                                        " ",
                                        "\t",
                                        "\v",
                                        "\f",
                                        "\b",
                                        "\xff",
                                        "1",
                                        "23",
                                        "x",
                                        "-",
                                        "+" };
  GString *text = g_string_new (GET);

  if (g_test_rand_bit ())
    g_string_append (text, g_test_rand_bit () ? "Content-Length: 1" : "Transfer-Encoding: chunked");
  for (gint32 n = g_test_rand_int_range (0, 10); n >= 0; n--)
    if (g_test_rand_int_range (0, 12) == 0)
      g_string_append_c (text, g_test_rand_int ());
    else
      g_string_append (text, pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))]);
  return g_string_append (text, "\r\n");
}

/* What gets through is what libsoup understands: libsoup itself is asked. */
static void
test_beside_libsoup (void)
{
  guint n_unrecognized = 0;

  for (guint i = 0; i < scaled (200000); i++)
    {
      g_autoptr (GString) text = make_header ();
      SoupMessageHeaders *headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_REQUEST);
      g_autofree char *method = NULL;
      g_autofree char *path = NULL;
      VmdRequestLines lines = { 0 };
      SoupHTTPVersion version;

      if (soup_headers_parse_request (text->str, text->len, headers, &method, &path, &version) ==
              SOUP_STATUS_OK &&
          soup_message_headers_get_encoding (headers) == SOUP_ENCODING_UNRECOGNIZED)
        {
          n_unrecognized++;
          if (vmd_request_lines_take (&lines, text->str, text->len))
            g_error ("libsoup does not understand: %s", text->str);
        }
      soup_message_headers_unref (headers);
    }
  g_assert_cmpuint (n_unrecognized, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/request-lines/pieces", test_pieces);
  g_test_add_func ("/request-lines/beside-libsoup", test_beside_libsoup);
  g_test_add_func ("/request-lines/long-line", test_long_line);
  return g_test_run ();
}

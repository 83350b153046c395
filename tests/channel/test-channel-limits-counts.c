/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-channel-limits-private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

/* By what connections are counted. */

static VmdChannelPlace *
enter (VmdChannelLimits *limits, const char *text, gboolean *is_full)
{
  struct sockaddr_storage address = { 0 };
  struct sockaddr_in *v4 = (struct sockaddr_in *) &address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &address;

  if (inet_pton (AF_INET, text, &v4->sin_addr) == 1)
    v4->sin_family = AF_INET;
  else if (inet_pton (AF_INET6, text, &v6->sin6_addr) == 1)
    v6->sin6_family = AF_INET6;
  else
    {
      address.ss_family = AF_UNIX;
      g_strlcpy (((struct sockaddr_un *) &address)->sun_path, text,
                 sizeof ((struct sockaddr_un *) &address)->sun_path);
    }
  return vmd_channel_limits_enter (limits, &address, is_full);
}

static void
test_addresses (void)
{
  static const struct
  {
    const char *first, *second;
    gboolean is_one;
  } table[] = {
    { "192.0.2.1", "192.0.2.1", TRUE },
    { "192.0.2.1", "192.0.2.2", FALSE },
    { "192.0.2.1", "::ffff:192.0.2.1", TRUE },
    { "2001:db8:1:2::1", "2001:db8:1:2:ffff::7", TRUE },
    { "2001:db8:1:2::1", "2001:db8:1:3::1", FALSE },
    { "127.0.0.1", "127.0.0.1", FALSE },
    { "::1", "::1", FALSE },
    { "::ffff:127.0.0.1", "127.3.2.1", FALSE },
    { "guest a", "guest a", TRUE },
    { "guest a", "guest b", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      const VmdChannelMaxima maxima = { .max_per_address = 1 };
      g_autoptr (VmdChannelLimits) limits = vmd_channel_limits_new (&maxima);
      gboolean is_full = TRUE;
      VmdChannelPlace *first = enter (limits, table[i].first, &is_full);
      VmdChannelPlace *second = enter (limits, table[i].second, &is_full);

      g_assert_nonnull (first);
      g_assert_true ((second == NULL) == table[i].is_one);
      g_assert_false (is_full);
      vmd_channel_place_leave (first);
      if (second == NULL)
        second = enter (limits, table[i].second, &is_full);
      g_assert_nonnull (second);
      g_assert_cmpuint (vmd_channel_limits_get_n_connections (limits), ==, 1);
      vmd_channel_place_leave (second);
      g_assert_cmpuint (vmd_channel_limits_get_n_connections (limits), ==, 0);
    }
}

static void
test_rates (void)
{
  const VmdChannelMaxima maxima = { .max_connects_per_second = 3 };
  g_autoptr (VmdChannelLimits) limits = vmd_channel_limits_new (&maxima);
  gint64 now = 100 * G_USEC_PER_SEC;

  for (guint second = 0; second < 30; second++, now += G_USEC_PER_SEC)
    {
      for (guint i = 0; i < 3; i++)
        g_assert_true (vmd_channel_limits_may_connect (limits, "d", now + i));
      g_assert_false (vmd_channel_limits_may_connect (limits, "d", now + G_USEC_PER_SEC - 1));
      g_assert_true (vmd_channel_limits_may_connect (limits, "e", now));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/channel-limits-counts/addresses", test_addresses);
  g_test_add_func ("/channel-limits-counts/rates", test_rates);
  return g_test_run ();
}

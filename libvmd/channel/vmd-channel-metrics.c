/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-metrics-private.h"

static const struct
{
  const char *name;
  const char *help;
} counters[] = {
  [VMD_CHANNEL_COUNT_CONNECTIONS] = { "connections", "Connections accepted." },
  [VMD_CHANNEL_COUNT_REFUSED] = { "connections_refused", "Connections over a limit." },
  [VMD_CHANNEL_COUNT_OUT_OF_DESCRIPTORS] = { "connections_without_descriptor",
                                             "Connections that there was no descriptor for." },
  [VMD_CHANNEL_COUNT_LATE] = { "requests_late", "Requests that were given up at a deadline." },
  [VMD_CHANNEL_COUNT_REQUESTS] = { "requests", "Requests answered." },
  [VMD_CHANNEL_COUNT_BAD_REQUESTS] = { "requests_bad", "Requests answered by 400 to 499." },
  [VMD_CHANNEL_COUNT_FAILED_REQUESTS] = { "requests_failed", "Requests answered by 500 to 599." },
  [VMD_CHANNEL_COUNT_UNAUTHENTICATED] = { "requests_unauthenticated", "Requests without a right." },
  [VMD_CHANNEL_COUNT_STREAMS] = { "streams", "Streams begun." },
  [VMD_CHANNEL_COUNT_SNAPSHOTS] = { "snapshots", "Snapshots put on a stream." },
  [VMD_CHANNEL_COUNT_HEARTBEATS] = { "heartbeats", "Heartbeats put on a stream." },
};
G_STATIC_ASSERT (G_N_ELEMENTS (counters) == VMD_CHANNEL_N_COUNTS);

void
vmd_channel_metrics_count_end (VmdChannelMetrics *self, VmdSubscriptionEnd end)
{
  __atomic_add_fetch (&self->ends[end], 1, __ATOMIC_RELAXED);
}

static void
add_gauge (GString *text, const char *name, const char *help, guint value)
{
  g_string_append_printf (text, "# HELP vmd_channel_%s %s\n# TYPE vmd_channel_%s gauge\n", name,
                          help, name);
  g_string_append_printf (text, "vmd_channel_%s %u\n", name, value);
}

static void
add_ends (GString *text, VmdChannelMetrics *self)
{
  const char *name = "vmd_channel_streams_ended_total";

  g_string_append_printf (text, "# HELP %s Streams that ended, by reason.\n# TYPE %s counter\n",
                          name, name);
  for (guint end = VMD_SUBSCRIPTION_LEFT; end <= VMD_SUBSCRIPTION_SHUT_DOWN; end++)
    g_string_append_printf (text, "%s{reason=\"%s\"} %" G_GUINT64_FORMAT "\n", name,
                            vmd_subscription_end_to_string (end),
                            __atomic_load_n (&self->ends[end], __ATOMIC_RELAXED));
}

char *
vmd_channel_metrics_format (VmdChannelMetrics *self, const VmdChannelGauges *gauges)
{
  GString *text = g_string_sized_new (4096);

  add_gauge (text, "devices", "Devices that there are.", gauges->devices);
  add_gauge (text, "connected", "Devices with a live stream.", gauges->connected);
  add_gauge (text, "open_connections", "Connections, streams included.", gauges->connections);
  for (guint i = 0; i < VMD_CHANNEL_N_COUNTS; i++)
    {
      g_string_append_printf (text, "# HELP vmd_channel_%s_total %s\n", counters[i].name,
                              counters[i].help);
      g_string_append_printf (text, "# TYPE vmd_channel_%s_total counter\n", counters[i].name);
      g_string_append_printf (text, "vmd_channel_%s_total %" G_GUINT64_FORMAT "\n",
                              counters[i].name,
                              __atomic_load_n (&self->counts[i], __ATOMIC_RELAXED));
    }
  add_ends (text, self);
  return g_string_free (text, FALSE);
}

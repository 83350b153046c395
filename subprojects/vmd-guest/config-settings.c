/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Id and token lie in the seed's file, which only root can read, and are read from it before each
 * request: a guest that is given a new seed needs no new client. */

#include "config-settings.h"
#include "file.h"
#include "http.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* False: there is no device in it. */
bool
config_settings_load (struct config_settings *settings)
{
  static char text[8192];
  static struct seed seed;
  bool good;

  if (file_read (settings->seed, text, sizeof text) < 0)
    return report_errno ("cannot read %s", settings->seed);
  seed_parse (text, &seed);
  good = http_is_token (seed.device) && http_is_token (seed.channel_token);
  if (good)
    {
      strcpy (settings->device, seed.device);
      strcpy (settings->url, seed.channel_url);
      strcpy (settings->token, seed.channel_token);
    }
  explicit_bzero (text, sizeof text);
  explicit_bzero (&seed, sizeof seed);

  return good || report_problem ("the seed has no device with a token");
}

/* Random numbers come without a signal's doing in such small portions. */
uint32_t
config_settings_chance (void)
{
  uint32_t chance = 0;

  if (getrandom (&chance, sizeof chance, 0) != sizeof chance)
    report_errno ("cannot get random numbers");

  return chance;
}

/* What one process does once. */
bool
config_settings_begin (struct config_settings *settings)
{
  static struct mux_port port;
  const char *name;

  for (int i = 0; i < 4; i++)
    sprintf (settings->instance + i * 8, "%08x", config_settings_chance ());
  if (!config_settings_load (settings))
    return false;
  if (!route_parse (&settings->route, settings->url, &name))
    return report_problem ("the seed's channel_url is none: %s", settings->url);

  port.name = name;
  if (name != NULL)
    settings->route.port = &port;
  return true;
}

int64_t
config_settings_scale (const struct config_settings *settings, int64_t milliseconds)
{
  return milliseconds * settings->second / 1000;
}

/* The beginning of a request for /v1/devices/ID/@resource; what ends its head is left to write. */
bool
config_settings_write_head (struct config_settings *settings, struct exchange *exchange,
                            const char *method, const char *resource)
{
  if (!config_settings_load (settings))
    return false;

  exchange_write (exchange,
                  "%s /v1/devices/%s/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                  "Vmd-Instance: %s\r\nConnection: close\r\n",
                  method, settings->device, resource, settings->route.host, settings->token,
                  settings->instance);
  return true;
}

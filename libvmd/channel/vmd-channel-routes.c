/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-openapi.h"
#include "vmd-channel-serve-private.h"

#include <string.h>

/* Every path that there is, and who may ask for it. openapi.json says the same, and a test holds
 * the two together. */

static void
serve_health (VmdChannelRequest *request)
{
  vmd_channel_request_answer (request, SOUP_STATUS_OK, g_strdup ("{\"status\":\"ok\"}"));
}

static void
serve_metrics (VmdChannelRequest *request)
{
  VmdChannelService *service = request->service;
  const VmdChannelGauges gauges = {
    .devices = vmd_device_directory_get_n_devices (service->directory),
    .connected = vmd_broker_get_n_live (service->broker),
    .connections = vmd_channel_limits_get_n_connections (service->limits),
  };

  vmd_channel_request_answer_text (request, "text/plain; version=0.0.4",
                                   vmd_channel_metrics_format (service->metrics, &gauges));
}

static void
serve_openapi (VmdChannelRequest *request)
{
  g_autoptr (GBytes) text =
      g_resource_lookup_data (vmd_channel_openapi_get_resource (), "/org/vmd/openapi.json",
                              G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  gsize length;
  const char *data = g_bytes_get_data (text, &length);

  vmd_channel_request_answer (request, SOUP_STATUS_OK, g_strndup (data, length));
}

#define DEVICE "/v1/devices/{id}"
#define GROUP "/v1/groups/{name}"

/* The busiest first. */
static const VmdChannelRoute routes[] = {
  { "GET", DEVICE "/config/stream", VMD_ACCESS_DEVICE, vmd_channel_serve_stream },
  { "PUT", DEVICE "/applied", VMD_ACCESS_DEVICE, vmd_channel_serve_applied },
  { "GET", DEVICE "/config", VMD_ACCESS_EITHER, vmd_channel_serve_config },
  { "PUT", DEVICE "/config", VMD_ACCESS_ADMIN, vmd_channel_serve_replace_config },
  { "PATCH", DEVICE "/config", VMD_ACCESS_ADMIN, vmd_channel_serve_patch_config },
  { "GET", DEVICE "/history", VMD_ACCESS_ADMIN, vmd_channel_serve_history },
  { "POST", DEVICE "/rollback", VMD_ACCESS_ADMIN, vmd_channel_serve_rollback },
  { "GET", DEVICE "/schema", VMD_ACCESS_ADMIN, vmd_channel_serve_schema },
  { "PUT", DEVICE "/schema", VMD_ACCESS_ADMIN, vmd_channel_serve_set_schema },
  { "GET", DEVICE "/tokens", VMD_ACCESS_ADMIN, vmd_channel_serve_tokens },
  { "POST", DEVICE "/tokens", VMD_ACCESS_ADMIN, vmd_channel_serve_add_token },
  { "DELETE", DEVICE "/tokens/{token}", VMD_ACCESS_ADMIN, vmd_channel_serve_revoke_token },
  { "GET", DEVICE, VMD_ACCESS_ADMIN, vmd_channel_serve_device },
  { "DELETE", DEVICE, VMD_ACCESS_ADMIN, vmd_channel_serve_remove_device },
  { "GET", "/v1/devices", VMD_ACCESS_ADMIN, vmd_channel_serve_devices },
  { "POST", "/v1/devices", VMD_ACCESS_ADMIN, vmd_channel_serve_add_device },
  { "GET", GROUP "/config", VMD_ACCESS_ADMIN, vmd_channel_serve_group },
  { "PUT", GROUP "/config", VMD_ACCESS_ADMIN, vmd_channel_serve_replace_group },
  { "PATCH", GROUP "/config", VMD_ACCESS_ADMIN, vmd_channel_serve_patch_group },
  { "GET", GROUP "/history", VMD_ACCESS_ADMIN, vmd_channel_serve_group_history },
  { "POST", GROUP "/rollback", VMD_ACCESS_ADMIN, vmd_channel_serve_group_rollback },
  { "PUT", GROUP "/members/{id}", VMD_ACCESS_ADMIN, vmd_channel_serve_join_group },
  { "DELETE", GROUP "/members/{id}", VMD_ACCESS_ADMIN, vmd_channel_serve_leave_group },
  { "GET", GROUP, VMD_ACCESS_ADMIN, vmd_channel_serve_group },
  { "DELETE", GROUP, VMD_ACCESS_ADMIN, vmd_channel_serve_remove_group },
  { "GET", "/v1/groups", VMD_ACCESS_ADMIN, vmd_channel_serve_groups },
  { "POST", "/v1/groups", VMD_ACCESS_ADMIN, vmd_channel_serve_add_group },
  { "GET", "/metrics", VMD_ACCESS_ADMIN, serve_metrics },
  { "GET", "/healthz", VMD_ACCESS_ALL, serve_health },
  { "GET", "/openapi.json", VMD_ACCESS_ALL, serve_openapi },
};

const VmdChannelRoute *
vmd_channel_routes_get (guint *n_routes)
{
  *n_routes = G_N_ELEMENTS (routes);
  return routes;
}

/* Where in @path each "{…}" of @pattern lies. */
static gboolean
matches (const char *pattern, const char *path, const char *places[VMD_ROUTE_PARAMETERS])
{
  guint n = 0;

  while (*pattern != '\0' && *path != '\0')
    {
      if (*pattern != '{')
        {
          if (*pattern++ != *path++)
            return FALSE;
          continue;
        }
      places[n++] = path;
      pattern = strchr (pattern, '}') + 1;
      if (*path == '/')
        return FALSE;
      path += strcspn (path, "/");
    }
  return *pattern == '\0' && *path == '\0';
}

/* HEAD is GET without the body, which libsoup leaves out. A stream is nothing but its body. */
static gboolean
takes (const VmdChannelRoute *route, const char *method)
{
  if (strcmp (method, "HEAD") == 0)
    return strcmp (route->method, "GET") == 0 && route->serve != vmd_channel_serve_stream;
  return strcmp (route->method, method) == 0;
}

/* @parameters: (out): what stood for "{…}", (transfer full). (nullable) */
const VmdChannelRoute *
vmd_channel_route_find (const char *method, const char *path, char **parameters)
{
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      const char *places[VMD_ROUTE_PARAMETERS] = { NULL };

      if (!matches (routes[i].path, path, places) || !takes (&routes[i], method))
        continue;
      for (guint k = 0; k < VMD_ROUTE_PARAMETERS; k++)
        parameters[k] = places[k] != NULL ? g_strndup (places[k], strcspn (places[k], "/")) : NULL;
      return &routes[i];
    }
  return NULL;
}

/* What there is at @path, as in "GET, HEAD, PUT"; NULL: nothing. (transfer full) */
char *
vmd_channel_route_dup_methods (const char *path)
{
  g_autoptr (GString) methods = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      const char *places[VMD_ROUTE_PARAMETERS] = { NULL };

      if (!matches (routes[i].path, path, places))
        continue;
      g_string_append_printf (methods, "%s%s", methods->len > 0 ? ", " : "", routes[i].method);
      if (takes (&routes[i], "HEAD"))
        g_string_append (methods, ", HEAD");
    }
  return methods->len > 0 ? g_string_free (g_steal_pointer (&methods), FALSE) : NULL;
}

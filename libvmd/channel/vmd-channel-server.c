/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-server-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"
#include "vmd-channel-listener-private.h"
#include "vmd-channel-request-private.h"
#include "vmd-tls-identity-private.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* Two threads. One has a main context and speaks HTTP, by libsoup: it accepts, reads requests and
 * answers them, and never waits, neither for the directory (which answers asynchronously) nor for a
 * peer. The other has the live streams (vmd-stream-loop.c): once a stream is asked for, its socket
 * is taken out of libsoup's hands, and what libsoup had for it is freed.
 *
 * libsoup reads what a request announces, so what a request may cost is settled here: when it has
 * to be in (vmd-channel-connection.c), what a header may have, and whether its body is read at all.
 *
 * What others call (adopt, stop) only puts something into the context. The stop breaks what is
 * open, waits half a second for what the directory still owes, and goes. An answer that comes later
 * has to come somewhere, or it, its request and the context would hold each other for ever: so the
 * thread stays for it, alone, and with the server, whose last reference is its own then. */

#define STOP_PATIENCE (500) /* milliseconds */
/* What is read of a body that is refused, so that the answer is libsoup's, with its reason. */
#define REFUSED_BODY_MAX (256 * 1024)

struct _VmdChannelServer
{
  GObject parent;

  /* Constant once it has started. */
  VmdDeviceDirectory *directory;
  VmdBroker *broker;
  VmdChannelOptions options; /* its strings are owned */
  VmdTlsIdentity *identity; /* (nullable) owned: TLS */
  char *address; /* (nullable) */
  VmdChannelLimits *limits;
  GMainContext *context;
  GThread *thread;
  VmdChannelMetrics metrics;

  /* The thread's own. */
  VmdChannelListener *listener; /* (nullable) */
  VmdConnectionWatch *watch;
  SoupServer *soup;
  int keep_alive_fd;
  GSocketAddress *local;
  VmdChannelService service;
  gboolean is_stopping;
  gboolean is_out_of_patience;

  GMutex mutex; /* guards what follows, and what is put into the context while `running` is set */
  gboolean running;
  GCond wound_up;
  gboolean is_wound_up; /* the thread has nothing more to do … */
  gboolean is_staying; /* … but for answers that are late */
};

G_DEFINE_FINAL_TYPE (VmdChannelServer, vmd_channel_server, G_TYPE_OBJECT)

static GQuark
connection_quark (void)
{
  return g_quark_from_static_string ("vmd-channel-connection");
}

/* The thread may have a reference after that. */
static void
vmd_channel_server_dispose (GObject *object)
{
  vmd_channel_server_stop (VMD_CHANNEL_SERVER (object));
  G_OBJECT_CLASS (vmd_channel_server_parent_class)->dispose (object);
}

static void
vmd_channel_server_finalize (GObject *object)
{
  VmdChannelServer *self = VMD_CHANNEL_SERVER (object);

  g_free ((char *) self->options.listen);
  g_free ((char *) self->options.certificate);
  g_free ((char *) self->options.key);
  g_clear_pointer (&self->identity, vmd_tls_identity_free);
  g_free (self->address);
  g_clear_pointer (&self->listener, vmd_channel_listener_free);
  g_clear_pointer (&self->limits, vmd_channel_limits_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_object (&self->local);
  g_clear_object (&self->service.cancellable);
  g_clear_object (&self->broker);
  g_clear_object (&self->directory);
  g_cond_clear (&self->wound_up);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (vmd_channel_server_parent_class)->finalize (object);
}

static void
vmd_channel_server_class_init (VmdChannelServerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmd_channel_server_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmd_channel_server_finalize;
}

static void
vmd_channel_server_init (VmdChannelServer *self)
{
  self->keep_alive_fd = -1;
  self->context = g_main_context_new ();
  g_mutex_init (&self->mutex);
  g_cond_init (&self->wound_up);
}

VmdChannelServer *
vmd_channel_server_new (VmdDeviceDirectory *directory, VmdBroker *broker,
                        const VmdChannelOptions *options)
{
  VmdChannelServer *self = g_object_new (VMD_TYPE_CHANNEL_SERVER, NULL);

  self->directory = g_object_ref (directory);
  self->broker = g_object_ref (broker);
  self->options = *options;
  self->options.listen = g_strdup (options->listen);
  self->options.certificate = g_strdup (options->certificate);
  self->options.key = g_strdup (options->key);
  return self;
}

/* -- Requests -- */

static VmdChannelConnection *
get_connection (SoupServerMessage *message)
{
  return g_object_get_qdata (G_OBJECT (soup_server_message_get_remote_address (message)),
                             connection_quark ());
}

static gboolean
has_body (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  return soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CHUNKED ||
         soup_message_headers_get_content_length (headers) > 0;
}

/* libsoup answers at the end of the body only, which may be far away: whoever sends too much of it
 * is told before. There is one text for each status, and few of these. */
static void
bound_refused_body (SoupServerMessage *message)
{
  g_autofree char *answer = g_strdup_printf (
      "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      soup_server_message_get_status (message), soup_server_message_get_reason_phrase (message));

  vmd_socket_stream_allow (get_connection (message)->socket, REFUSED_BODY_MAX,
                           g_intern_string (answer));
  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
}

/* The header is there. Without a body the rest follows at once; with one, who may not send it is
 * refused before it is kept. */
static void
early_cb (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
          gpointer data)
{
  VmdChannelServer *self = data;
  g_autoptr (VmdChannelRequest) request = NULL;

  vmd_channel_connection_take_header (get_connection (message));
  /* libsoup would cut the answer into as many pieces as are asked for. */
  soup_message_headers_remove (soup_server_message_get_request_headers (message), "Range");
  if (!has_body (message))
    return;
  request =
      vmd_channel_request_new (&self->service, message, get_connection (message), path, query);
  if (request == NULL)
    bound_refused_body (message);
}

static void
request_cb (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
            gpointer data)
{
  VmdChannelServer *self = data;
  VmdChannelConnection *connection = get_connection (message);
  g_autoptr (VmdChannelRequest) request = NULL;

  vmd_channel_connection_answer (connection);
  request = vmd_channel_request_new (&self->service, message, connection, path, query);
  if (request != NULL)
    request->route->serve (request);
}

/* Of the first one it is told before there is anything of it. */
static void
started_cb (SoupServer *soup, SoupServerMessage *message, gpointer data)
{
  vmd_socket_stream_begin_request (get_connection (message)->socket);
}

/* Also for an answer that libsoup calls aborted, which one with the status 500 is to it. */
static void
answered_cb (SoupServer *soup, SoupServerMessage *message, gpointer data)
{
  VmdChannelConnection *connection = get_connection (message);

  if (vmd_channel_connection_is_open (connection))
    vmd_channel_connection_await_request (connection);
}

/* -- Connections -- */

#define REFUSAL                                                                                    \
  "Retry-After: 5\r\nConnection: close\r\nContent-Type: application/json\r\n"                      \
  "Content-Length: 68\r\n\r\n"                                                                     \
  "{\"error\":{\"code\":\"Busy\",\"message\":\"There are too many connections\"}}"
static const char everything_full[] = "HTTP/1.1 503 Service Unavailable\r\n" REFUSAL;
static const char address_full[] = "HTTP/1.1 429 Too Many Requests\r\n" REFUSAL;

static void
refuse_connection (VmdChannelServer *self, int fd, gboolean is_full)
{
  const char *refusal = is_full ? everything_full : address_full;

  vmd_channel_metrics_count (&self->metrics, VMD_CHANNEL_COUNT_REFUSED);
  /* To answer by TLS would cost a handshake, which is what there is too much of. */
  if (self->identity == NULL)
    send (fd, refusal, strlen (refusal), MSG_DONTWAIT | MSG_NOSIGNAL);
  close (fd);
}

/* What @plan has is taken. */
static void
serve_connection (VmdChannelServer *self, VmdConnectionPlan *plan)
{
  VmdChannelConnection *connection = vmd_channel_connection_new (self->watch, plan);
  g_autoptr (GSocketAddress) remote = NULL;
  g_autoptr (GIOStream) stream = g_object_ref (G_IO_STREAM (connection->socket));

  /* The address is what each request of the connection can be asked for, so the connection hangs on
   * it: it goes with the last of what libsoup has for it. */
  remote =
      g_object_new (G_TYPE_INET_SOCKET_ADDRESS, "address",
                    g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (self->local)), NULL);
  g_object_set_qdata_full (G_OBJECT (remote), connection_quark (), connection,
                           (GDestroyNotify) vmd_channel_connection_free);
  soup_server_accept_iostream (self->soup, stream, self->local, remote, NULL);
}

static void
accepted_cb (int fd, const struct sockaddr_storage *address, gpointer data)
{
  VmdChannelServer *self = data;
  g_autoptr (VmdTlsCredentials) credentials = NULL;
  VmdConnectionPlan plan = { .fd = fd };
  gboolean is_full;

  plan.place = vmd_channel_limits_enter (self->limits, address, &is_full);
  if (plan.place == NULL)
    {
      refuse_connection (self, fd, is_full);
      return;
    }
  plan.peer = vmd_channel_address_format (address);
  if (self->identity != NULL)
    credentials = vmd_tls_identity_ref_credentials (self->identity);
  plan.credentials = credentials;
  serve_connection (self, &plan);
}

typedef struct
{
  VmdChannelServer *server;
  int fd;
  char *peer;
} Adoption;

static void
adoption_free (gpointer data)
{
  Adoption *adoption = data;

  vmd_clear_fd (&adoption->fd);
  g_free (adoption->peer);
  g_free (adoption);
}

static gboolean
adopt_cb (gpointer data)
{
  Adoption *adoption = data;
  VmdChannelServer *self = adoption->server;
  struct sockaddr_storage address = { .ss_family = AF_UNIX };
  VmdConnectionPlan plan = { .is_guest = TRUE };
  gboolean is_full;

  if (self->is_stopping)
    return G_SOURCE_REMOVE;
  vmd_channel_metrics_count (&self->metrics, VMD_CHANNEL_COUNT_CONNECTIONS);
  g_strlcpy (((struct sockaddr_un *) &address)->sun_path, adoption->peer,
             sizeof ((struct sockaddr_un *) &address)->sun_path);
  plan.place = vmd_channel_limits_enter (self->limits, &address, &is_full);
  if (plan.place == NULL)
    {
      refuse_connection (self, vmd_steal_fd (&adoption->fd), is_full);
      return G_SOURCE_REMOVE;
    }
  plan.fd = vmd_steal_fd (&adoption->fd);
  plan.peer = g_steal_pointer (&adoption->peer);
  serve_connection (self, &plan);
  return G_SOURCE_REMOVE;
}

static void
put (VmdChannelServer *self, GSourceFunc callback, gpointer data, GDestroyNotify destroy)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, callback, data, destroy);
  g_source_attach (source, self->context);
}

void
vmd_channel_server_adopt (VmdChannelServer *self, int fd, const char *peer)
{
  Adoption *adoption = g_new (Adoption, 1);
  gboolean running;

  *adoption = (Adoption){ self, fd, g_strdup (peer) };
  /* What is put in while it runs is before the stop, and so never left lying. */
  g_mutex_lock (&self->mutex);
  running = self->running;
  if (running)
    put (self, adopt_cb, adoption, adoption_free);
  g_mutex_unlock (&self->mutex);
  if (!running)
    adoption_free (adoption);
}

/* -- The thread -- */

static gboolean
out_of_patience_cb (gpointer data)
{
  ((VmdChannelServer *) data)->is_out_of_patience = TRUE;
  return G_SOURCE_REMOVE;
}

static gboolean
is_owed (VmdChannelServer *self)
{
  return (self->service.n_waiting > 0 ||
          vmd_connection_watch_get_n_connections (self->watch) > 0) &&
         !self->is_out_of_patience;
}

static void
wind_up (VmdChannelServer *self)
{
  g_autoptr (GSource) patience = g_timeout_source_new (STOP_PATIENCE);

  g_clear_pointer (&self->listener, vmd_channel_listener_free);
  g_cancellable_cancel (self->service.cancellable);
  vmd_connection_watch_shut_down_all (self->watch);
  g_source_set_callback (patience, out_of_patience_cb, self, NULL);
  g_source_attach (patience, self->context);
  while (is_owed (self))
    g_main_context_iteration (self->context, TRUE);
  g_source_destroy (patience);

  soup_server_disconnect (self->soup);
  g_clear_object (&self->soup);
  vmd_clear_fd (&self->keep_alive_fd);
  while (g_main_context_iteration (self->context, FALSE))
    continue;
}

/* Whoever stops the server goes on from here. */
static void
tell_wound_up (VmdChannelServer *self)
{
  g_mutex_lock (&self->mutex);
  self->is_wound_up = TRUE;
  self->is_staying = self->service.n_waiting > 0;
  g_cond_signal (&self->wound_up);
  g_mutex_unlock (&self->mutex);
}

/* What is answered now finds its connection closed, and is freed. */
static void
await_late_answers (VmdChannelServer *self)
{
  while (self->service.n_waiting > 0)
    g_main_context_iteration (self->context, TRUE);
  while (g_main_context_iteration (self->context, FALSE))
    continue;
  g_clear_pointer (&self->watch, vmd_connection_watch_free);
}

static gpointer
run (gpointer data)
{
  VmdChannelServer *self = data;

  g_main_context_push_thread_default (self->context);
  while (!self->is_stopping)
    g_main_context_iteration (self->context, TRUE);
  wind_up (self);
  tell_wound_up (self);
  await_late_answers (self);
  g_main_context_pop_thread_default (self->context);
  /* The stop has given it. */
  g_object_unref (self);
  return NULL;
}

static gboolean
stop_cb (gpointer data)
{
  ((VmdChannelServer *) data)->is_stopping = TRUE;
  return G_SOURCE_REMOVE;
}

/* TRUE: it stays. */
static gboolean
wait_until_wound_up (VmdChannelServer *self)
{
  gboolean is_staying;

  g_mutex_lock (&self->mutex);
  while (!self->is_wound_up)
    g_cond_wait (&self->wound_up, &self->mutex);
  is_staying = self->is_staying;
  g_mutex_unlock (&self->mutex);
  return is_staying;
}

void
vmd_channel_server_stop (VmdChannelServer *self)
{
  GThread *thread;
  gboolean was_running;

  g_mutex_lock (&self->mutex);
  was_running = self->running;
  self->running = FALSE;
  g_mutex_unlock (&self->mutex);
  if (!was_running)
    return;
  vmd_broker_close (self->broker);
  thread = g_steal_pointer (&self->thread);
  put (self, stop_cb, g_object_ref (self), NULL);
  if (wait_until_wound_up (self))
    g_thread_unref (thread);
  else
    g_thread_join (thread);
  vmd_stream_loop_stop (g_steal_pointer (&self->service.streams));
}

/* -- The start -- */

static gboolean
load_certificate (VmdChannelServer *self, GError **error)
{
  if ((self->options.certificate == NULL) != (self->options.key == NULL))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“certificate” and “key” go together: the channel's %s is missing",
                     self->options.key == NULL ? "key" : "certificate");
  if (self->options.certificate == NULL)
    return TRUE;
  self->identity = vmd_tls_identity_new (self->options.certificate, self->options.key, error);
  return self->identity != NULL;
}

static gboolean
listen_for_devices (VmdChannelServer *self, GError **error)
{
  const VmdChannelListenerTarget target = { self->context, &self->metrics, self->options.lease,
                                            accepted_cb, self };
  g_autoptr (GSocketAddress) address = NULL;
  g_autofree char *text = NULL;

  if (self->options.listen == NULL)
    return TRUE;
  address = vmd_channel_address_parse (self->options.listen, error);
  if (address == NULL)
    return FALSE;
  if (self->identity == NULL && !vmd_channel_address_is_loopback (address))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "Tokens would pass in plain text where “listen” says, on %s: give "
                     "“certificate” and “key”, or listen on a loopback address",
                     self->options.listen);
  self->listener = vmd_channel_listener_new (address, &target, error);
  if (self->listener == NULL)
    return FALSE;
  text = vmd_channel_listener_dup_address (self->listener);
  self->address = g_strconcat (self->identity != NULL ? "https://" : "http://", text, NULL);
  return TRUE;
}

/* libsoup keeps a connection for a second request only while it listens on something. So it does,
 * on a socket whose other end nobody but us has. */
static gboolean
start_soup (VmdChannelServer *self, GError **error)
{
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) local = NULL;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
    return vmd_fail_errno (error, errno, "Cannot make a socket");
  self->keep_alive_fd = fds[0];
  socket = g_socket_new_from_fd (fds[1], NULL);
  self->soup = soup_server_new (NULL, NULL);
  if (socket == NULL || !soup_server_listen_socket (self->soup, socket, 0, &local))
    return vmd_fail (error, VMD_ERROR_FAILED, "Cannot start the server of the channel");
  soup_server_add_early_handler (self->soup, NULL, early_cb, self, NULL);
  soup_server_add_handler (self->soup, NULL, request_cb, self, NULL);
  g_signal_connect (self->soup, "request-started", G_CALLBACK (started_cb), self);
  g_signal_connect (self->soup, "request-finished", G_CALLBACK (answered_cb), self);
  g_signal_connect (self->soup, "request-aborted", G_CALLBACK (answered_cb), self);
  return TRUE;
}

static gboolean
start_parts (VmdChannelServer *self, GError **error)
{
  const VmdStreamRules rules = { self->broker, &self->metrics, self->options.heartbeat,
                                 self->options.lease };
  const VmdChannelMaxima maxima = { vmd_channel_limits_get_most (self->options.max_connections),
                                    self->options.max_connections_per_address,
                                    self->options.max_connects_per_second };

  self->limits = vmd_channel_limits_new (&maxima);
  self->local = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  self->watch = vmd_connection_watch_new (self->context, &self->metrics, &self->options);
  self->service = (VmdChannelService){ .directory = self->directory,
                                       .broker = self->broker,
                                       .options = &self->options,
                                       .limits = self->limits,
                                       .metrics = &self->metrics,
                                       .cancellable = g_cancellable_new () };
  if (!start_soup (self, error) || !listen_for_devices (self, error))
    return FALSE;
  self->service.streams = vmd_stream_loop_new (&rules, error);
  return self->service.streams != NULL;
}

gboolean
vmd_channel_server_start (VmdChannelServer *self, GError **error)
{
  gboolean started;

  g_return_val_if_fail (self->thread == NULL && self->limits == NULL, FALSE);

  if (!load_certificate (self, error))
    return FALSE;
  g_main_context_push_thread_default (self->context);
  started = start_parts (self, error);
  g_main_context_pop_thread_default (self->context);
  if (!started)
    {
      g_clear_pointer (&self->listener, vmd_channel_listener_free);
      g_clear_object (&self->soup);
      vmd_clear_fd (&self->keep_alive_fd);
      g_clear_pointer (&self->watch, vmd_connection_watch_free);
      return FALSE;
    }
  self->running = TRUE;
  self->thread = g_thread_new ("vmd-channel", run, self);
  return TRUE;
}

const char *
vmd_channel_server_get_address (VmdChannelServer *self)
{
  return self->address;
}

gboolean
vmd_channel_server_reload_certificate (VmdChannelServer *self, GError **error)
{
  if (self->identity != NULL)
    return vmd_tls_identity_reload (self->identity, error);
  return vmd_fail (error, VMD_ERROR_WRONG_STATE,
                   "The channel has no certificate: it does not serve by TLS");
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-server.h"

#include "libvmd/base/vmd-program-private.h"
#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/base/vmd-state-dir-private.h"
#include "libvmd/transport/vmd-ssh-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"
#define DROPBEAR "/usr/sbin/dropbear"

static char *
path_of (Server *self, const char *name)
{
  return g_build_filename (self->directory, name, NULL);
}

static gboolean
run (const char *const *argv)
{
  int status = -1;

  return g_spawn_sync (NULL, (char **) argv, NULL,
                       G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                           G_SPAWN_STDERR_TO_DEV_NULL,
                       NULL, NULL, NULL, NULL, &status, NULL) &&
         g_spawn_check_wait_status (status, NULL);
}

static void
make_key (Server *self, const char *name)
{
  g_autofree char *path = path_of (self, name);
  const char *const argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                               "-C",         "",   "-f", path,      NULL };

  g_assert_true (run (argv));
}

static char *
read_file (Server *self, const char *name)
{
  g_autofree char *path = path_of (self, name);
  char *content = NULL;

  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  return g_strchomp (content);
}

static void
write_file (Server *self, const char *name, const char *content)
{
  g_autofree char *path = path_of (self, name);

  g_assert_true (
      g_file_set_contents_full (path, content, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

/* What the server's process runs. As root in mounts of its own, where it finds the home and the
 * directories that it wants to, and vmd's own program as in a guest; and leaves nothing behind. */
static char *
make_command (Server *self)
{
  g_autofree char *mounts = g_strdup_printf (
      "mount -t tmpfs tmpfs /run && mkdir /run/sshd /run/vmd && mount -t tmpfs tmpfs /var/log && "
      "mount --bind '%s/home' '%s' && ln -s '%s' /run/vmd/vmd-guest && ",
      self->directory, getpwuid (getuid ())->pw_dir, self->program);
  g_autofree char *server = NULL;

  if (self->kind == SERVER_DROPBEAR)
    server = g_strdup_printf ("exec " DROPBEAR " -i -s -m -W 1048576 -r '%s/host.dropbear'",
                              self->directory);
  else
    server = g_strdup_printf ("exec " SSHD " -i -e -f '%s/sshd_config'", self->directory);
  if (getuid () != 0)
    return g_steal_pointer (&server);
  return g_strconcat (mounts, server, NULL);
}

static void
write_configuration (Server *self)
{
  g_autofree char *text = g_strdup_printf ("HostKey %s/host\n"
                                           "AuthorizedKeysFile %s/client.pub\n"
                                           "UsePAM no\nStrictModes no\nPidFile none\n"
                                           "PasswordAuthentication no\nPermitRootLogin yes\n"
                                           "PrintMotd no\nPrintLastLog no\n%s\n",
                                           self->directory, self->directory,
                                           self->configuration != NULL ? self->configuration : "");

  write_file (self, "sshd_config", text);
}

/* One server for one connection, in a process group of its own. */
static void
serve_connection (Server *self, int fd)
{
  g_autofree char *command = make_command (self);
  g_autofree char *log = path_of (self, "log");
  const char *const as_root[] = { "unshare", "-m", "/bin/sh", "-c", command, NULL };
  const char *const as_user[] = { "/bin/sh", "-c", command, NULL };
  vmd_autofd int log_fd = open (log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  g_autoptr (GError) error = NULL;
  GPid pid;

  write_configuration (self);
  g_spawn_async_with_pipes_and_fds ("/", getuid () == 0 ? as_root : as_user, NULL,
                                    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
                                    (GSpawnChildSetupFunc) (void (*) (void)) setsid, NULL, fd, fd,
                                    log_fd, NULL, NULL, 0, &pid, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  close (fd);
  g_mutex_lock (&self->mutex);
  g_array_append_val (self->pids, pid);
  g_mutex_unlock (&self->mutex);
}

/* Until the peer is tired of it. */
static void
babble (Server *self, int fd)
{
  static const char line[] = "This is no greeting.\r\n";
  struct pollfd fds[] = { { .fd = fd, .events = POLLOUT },
                          { .fd = self->stop_fd, .events = POLLIN } };

  while (poll (fds, 2, -1) >= 0 && fds[1].revents == 0)
    if (send (fd, line, sizeof line - 1, MSG_NOSIGNAL) < 0)
      break;
  close (fd);
}

static gpointer
accept_thread (gpointer data)
{
  Server *self = data;
  g_autoptr (GArray) kept = g_array_new (FALSE, FALSE, sizeof (int));
  struct pollfd fds[] = { { .fd = self->listen_fd, .events = POLLIN },
                          { .fd = self->stop_fd, .events = POLLIN } };

  while (poll (fds, 2, -1) >= 0 && fds[1].revents == 0)
    {
      int fd = accept4 (self->listen_fd, NULL, NULL, SOCK_CLOEXEC);

      if (fd < 0)
        continue;
      if (self->kind == SERVER_SILENT)
        g_array_append_val (kept, fd);
      else if (self->kind == SERVER_CURT)
        close (fd);
      else if (self->kind == SERVER_BABBLING)
        babble (self, fd);
      else
        serve_connection (self, fd);
    }
  for (guint i = 0; i < kept->len; i++)
    close (g_array_index (kept, int, i));
  return NULL;
}

static void
listen_on_loopback (Server *self)
{
  struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof name;

  self->listen_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  /* As every server does itself that is not given its socket; connections inherit it. */
  setsockopt (self->listen_fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
  g_assert_cmpint (bind (self->listen_fd, (struct sockaddr *) &name, sizeof name), ==, 0);
  g_assert_cmpint (getsockname (self->listen_fd, (struct sockaddr *) &name, &length), ==, 0);
  self->address->port = ntohs (name.sin_port);
  if (self->kind == SERVER_DEAF)
    return;
  g_assert_cmpint (listen (self->listen_fd, 16), ==, 0);
  self->thread = g_thread_new ("ssh-server", accept_thread, self);
}

static const char *
find_hindrance (ServerKind kind)
{
  static const char *const unshare[] = { "unshare", "-m", "true", NULL };

  if (kind == SERVER_OPENSSH && access (SSHD, X_OK) < 0)
    return "there is no sshd here";
  if (kind == SERVER_DROPBEAR && access (DROPBEAR, X_OK) < 0)
    return "there is no dropbear here";
  if (kind == SERVER_DROPBEAR && getuid () != 0)
    return "dropbear reads no other authorized keys than those in the user's home";
  if (kind <= SERVER_DROPBEAR && getuid () == 0 && !run (unshare))
    return "no mount namespace may be made here";
  return NULL;
}

static void
make_keys (Server *self)
{
  g_autofree char *host = path_of (self, "host");
  g_autofree char *dropbear = path_of (self, "host.dropbear");
  g_autofree char *ssh = path_of (self, "home/.ssh");
  g_autofree char *client = NULL;
  const char *const convert[] = { "dropbearconvert", "openssh", "dropbear", host, dropbear, NULL };

  make_key (self, "host");
  make_key (self, "client");
  make_key (self, "stranger");
  client = read_file (self, "client.pub");
  g_assert_cmpint (g_mkdir_with_parents (ssh, 0700), ==, 0);
  write_file (self, "home/.ssh/authorized_keys", client);
  if (self->kind == SERVER_DROPBEAR)
    g_assert_true (run (convert));
}

/* The server finds another home in the place of the user's, in which this may be built. */
static void
copy_program (Server *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *built = vmd_helper_find ("vmd-guest", &error);
  g_autofree char *content = NULL;
  gsize length;

  g_assert_no_error (error);
  self->program = path_of (self, "vmd-guest");
  g_file_get_contents (built, &content, &length, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents_full (self->program, content, length, G_FILE_SET_CONTENTS_NONE,
                                           0755, NULL));
}

Server *
server_new (ServerKind kind)
{
  const char *hindrance = find_hindrance (kind);
  Server *self;

  if (hindrance != NULL)
    {
      g_test_skip (hindrance);
      return NULL;
    }
  self = g_new0 (Server, 1);
  self->kind = kind;
  self->directory = g_dir_make_tmp ("vmd-ssh-XXXXXX", NULL);
  self->stop_fd = eventfd (0, EFD_CLOEXEC);
  self->pids = g_array_new (FALSE, FALSE, sizeof (GPid));
  g_mutex_init (&self->mutex);
  make_keys (self);
  copy_program (self);
  self->address = g_new0 (VmdGuestAddress, 1);
  self->address->vm_id = g_strdup ("0123456789abcdef0123456789abcdef");
  self->address->launch = 1;
  self->address->host = g_strdup ("127.0.0.1");
  self->address->user = g_strdup (g_get_user_name ());
  self->address->client_key = path_of (self, "client");
  self->address->host_key = read_file (self, "host.pub");
  self->address->server_software = g_strdup (kind == SERVER_DROPBEAR ? "dropbear" : "openssh");
  listen_on_loopback (self);
  return self;
}

VmdTransport *
server_transport_new (Server *self)
{
  return vmd_ssh_transport_new (self->program);
}

gboolean
server_stands_by (VmdGuestConnection *connection)
{
  return vmd_ssh_connection_get_ahead (VMD_SSH_CONNECTION (connection))->standby != NULL;
}

void
server_warm_up (VmdGuestConnection *connection)
{
  const char *const argv[] = { "true", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;

  /* Tests are quicker than users. */
  vmd_ssh_connection_get_ahead (VMD_SSH_CONNECTION (connection))->hurry = 0;
  result = vmd_guest_connection_exec (connection, spec, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (server_stands_by (connection));
}

void
server_signal (Server *self, int number)
{
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->pids->len; i++)
    kill (-g_array_index (self->pids, GPid, i), number);
  g_mutex_unlock (&self->mutex);
}

void
server_free (Server *self)
{
  gint64 deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  eventfd_write (self->stop_fd, 1);
  if (self->thread != NULL)
    g_thread_join (self->thread);
  server_signal (self, SIGKILL);
  for (guint i = 0; i < self->pids->len; i++)
    waitpid (g_array_index (self->pids, GPid, i), NULL, 0);
  /* A command that is about to end may still write there. */
  while (!vmd_remove_tree (self->directory, NULL))
    g_assert_cmpint (g_get_monotonic_time (), <, deadline);
  g_array_unref (self->pids);
  close (self->listen_fd);
  close (self->stop_fd);
  vmd_guest_address_free (self->address);
  g_mutex_clear (&self->mutex);
  g_free (self->program);
  g_free (self->directory);
  g_free (self);
}

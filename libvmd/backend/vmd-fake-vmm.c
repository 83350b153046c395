/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-vmm-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* vmd-fake-vmm: stands in for a hypervisor and the guest in it, for `vmd --backend fake`. It has
 * the control, agent, console and channel sockets, the console's file and the SSH port of a real
 * one, survives the vmd that started it, and ends when its guest is powered off. No more: commands
 * for the guest are run by the fake transport. */

/* What is done at @step. One that says "die" is carried out here. */
void
vmd_fake_vmm_look_up (VmdFakeVmm *self, const char *step, VmdFakeOrder *order)
{
  vmd_fake_script_look_up (self->vm_dir, step, self->name, order);
  if (order->action != VMD_FAKE_DIE)
    return;
  g_printerr ("vmd-fake-vmm: dies at %s\n", step);
  _exit ((int) order->number);
}

typedef struct
{
  VmdFakePort *port;
  guint64 client;
  char *text;
} Answer;

static void
answer_free (gpointer data)
{
  Answer *answer = data;

  g_free (answer->text);
  g_free (answer);
}

static gboolean
answer_cb (gpointer data)
{
  Answer *answer = data;

  vmd_fake_port_send (answer->port, answer->client, answer->text);

  return G_SOURCE_REMOVE;
}

/* Answers whoever is connected to @port now, after @milliseconds. @text is taken. */
void
vmd_fake_vmm_answer (VmdFakeVmm *self, VmdFakePort *port, guint milliseconds, char *text)
{
  Answer *answer = g_new0 (Answer, 1);

  answer->port = port;
  answer->client = vmd_fake_port_get_client (port);
  answer->text = text;
  if (milliseconds > 0)
    {
      g_timeout_add_full (G_PRIORITY_DEFAULT, milliseconds, answer_cb, answer, answer_free);
      return;
    }
  answer_cb (answer);
  answer_free (answer);
}

/* Writes to the console, and hence to its file. */
void
vmd_fake_vmm_print (VmdFakeVmm *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (write (self->console_fd, text, strlen (text)) < 0)
    g_printerr ("vmd-fake-vmm: cannot write to the console: %s\n", g_strerror (errno));
  if (self->console != NULL)
    vmd_fake_port_send (self->console, vmd_fake_port_get_client (self->console), text);
}

/* Of a paused guest's sockets nothing is read; the hypervisor's own goes on. */
void
vmd_fake_vmm_set_paused (VmdFakeVmm *self, gboolean paused)
{
  self->is_paused = paused;
  vmd_fake_port_set_paused (self->agent, paused);
  vmd_fake_port_set_paused (self->console, paused);
  vmd_fake_port_set_paused (self->channel, paused);
}

static gboolean
off_cb (gpointer data)
{
  g_main_loop_quit (((VmdFakeVmm *) data)->loop);

  return G_SOURCE_REMOVE;
}

/* The guest was asked to power off. */
void
vmd_fake_vmm_go_off (VmdFakeVmm *self)
{
  g_auto (VmdFakeOrder) order = { 0 };

  if (self->is_going_off)
    return;
  vmd_fake_vmm_look_up (self, "off", &order);
  if (order.action == VMD_FAKE_HANG || order.action == VMD_FAKE_FAIL)
    return;
  self->is_going_off = TRUE;
  vmd_fake_vmm_print (self, "%s: powering off\n", self->name);
  /* Not at once: the answer to the one who asked goes first. */
  g_timeout_add (order.number, off_cb, self);
}

/* The console gives back what is typed. */
static void
typed_cb (VmdFakePort *port, const char *text, gpointer data)
{
  vmd_fake_vmm_print (data, "%s", text);
}

static gboolean
open_console (VmdFakeVmm *self, GError **error)
{
  static const VmdFakePortEvents events = { .received = typed_cb, .is_raw = TRUE };
  g_autofree char *path = g_build_filename (self->runtime_dir, "console", NULL);
  g_autofree char *log = g_build_filename (self->vm_dir, "console.log", NULL);

  self->console_fd = open (log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (self->console_fd < 0)
    return vmd_fail_errno (error, errno, "cannot open %s", log);
  self->console = vmd_fake_port_new (path, &events, self, error);

  return self->console != NULL;
}

/* A guest without an agent for the channel: its port takes what comes, and says nothing. */
static void
ignored_cb (VmdFakePort *port, const char *text, gpointer data)
{
}

static gboolean
open_channel (VmdFakeVmm *self, GError **error)
{
  static const VmdFakePortEvents events = { .received = ignored_cb, .is_raw = TRUE };
  g_autofree char *path = g_build_filename (self->runtime_dir, "channel", NULL);

  self->channel = vmd_fake_port_new (path, &events, self, error);

  return self->channel != NULL;
}

/* The port of a guest's SSH, chosen by the kernel as a real hypervisor's is. */
static gboolean
open_ssh_port (VmdFakeVmm *self, GError **error)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;

  self->ssh_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (self->ssh_fd < 0 || bind (self->ssh_fd, (struct sockaddr *) &address, sizeof address) < 0 ||
      listen (self->ssh_fd, SOMAXCONN) < 0 ||
      getsockname (self->ssh_fd, (struct sockaddr *) &address, &length) < 0)
    return vmd_fail_errno (error, errno, "cannot listen for SSH");
  self->ssh_port = ntohs (address.sin_port);

  return TRUE;
}

/* What the script says of the launch; a hang is one for ever. */
static gboolean
obey_launch (VmdFakeVmm *self, GError **error)
{
  g_auto (VmdFakeOrder) order = { 0 };

  vmd_fake_vmm_look_up (self, "launch", &order);
  if (order.action == VMD_FAKE_FAIL)
    return vmd_fail (error, VMD_ERROR_FAILED, "%s", order.text);
  while (order.action == VMD_FAKE_HANG)
    pause ();
  if (order.action == VMD_FAKE_DELAY)
    g_usleep ((gulong) order.number * 1000);

  return TRUE;
}

/* The control socket comes last: who reaches it finds the others there. */
static gboolean
open_all (VmdFakeVmm *self, GError **error)
{
  return obey_launch (self, error) && open_ssh_port (self, error) && open_console (self, error) &&
         vmd_fake_agent_open (self, error) && open_channel (self, error) &&
         vmd_fake_control_open (self, error);
}

static gboolean
parse_options (VmdFakeVmm *self, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "name", 0, 0, G_OPTION_ARG_STRING, &self->name, "Name of the VM", "NAME" },
    { "launch", 0, 0, G_OPTION_ARG_INT64, &self->launch, "Which launch this is", "NUMBER" },
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &self->vm_dir, "The VM's directory", "PATH" },
    { "runtime-directory", 0, 0, G_OPTION_ARG_FILENAME, &self->runtime_dir,
      "Where its sockets are made", "PATH" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_summary (context, "Stands in for a hypervisor, for vmd --backend fake.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (self->name == NULL || self->vm_dir == NULL || self->runtime_dir == NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "--name, --directory and --runtime-directory are needed");

  return TRUE;
}

static void
close_all (VmdFakeVmm *self)
{
  g_clear_pointer (&self->control, vmd_fake_port_free);
  g_clear_pointer (&self->agent, vmd_fake_port_free);
  g_clear_pointer (&self->console, vmd_fake_port_free);
  g_clear_pointer (&self->channel, vmd_fake_port_free);
  vmd_clear_fd (&self->ssh_fd);
  vmd_clear_fd (&self->console_fd);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  g_free (self->name);
  g_free (self->vm_dir);
  g_free (self->runtime_dir);
  g_free (self->boot_id);
}

int
main (int argc, char **argv)
{
  VmdFakeVmm self = { .ssh_fd = -1, .console_fd = -1 };
  g_autoptr (GError) error = NULL;

  self.boot_id = g_uuid_string_random ();
  self.launched = g_get_monotonic_time ();
  self.loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGTERM, off_cb, &self);
  if (parse_options (&self, &argc, &argv, &error) && open_all (&self, &error))
    {
      vmd_fake_vmm_print (&self, "%s: launch %" G_GINT64_FORMAT " of a guest that is not there\n",
                          self.name, self.launch);
      g_main_loop_run (self.loop);
    }
  close_all (&self);
  if (error == NULL)
    return EXIT_SUCCESS;
  g_printerr ("vmd-fake-vmm: %s\n", error->message);

  return EXIT_FAILURE;
}

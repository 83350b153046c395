/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-progress.h"

#include "vmctl-terminal.h"
#include "vmctl-text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 250
#define SILENT_US G_USEC_PER_SEC
#define SILENT_ON_TERMINAL_US (G_USEC_PER_SEC / 3)
#define BAR_WIDTH 20

struct _VmctlProgressItem
{
  VmctlProgress *progress; /* not owned */
  char *label; /* "start web" */
  char *phase;
  double fraction; /* 0 to 1; -1: not known */
  guint64 bytes_done;
  guint64 bytes_total;
  gint64 started;
  char *told; /* (nullable) the phase that was printed last */
};

struct _VmctlProgress
{
  int fd;
  gboolean terminal;
  gboolean drawn; /* there is a line of ours where the cursor is */
  GPtrArray *items;
  guint tick; /* 0 while there is nothing under way */
};

static void
item_free (gpointer data)
{
  VmctlProgressItem *item = data;

  g_free (item->label);
  g_free (item->phase);
  g_free (item->told);
  g_free (item);
}

VmctlProgress *
vmctl_progress_new (int fd)
{
  VmctlProgress *self = g_new0 (VmctlProgress, 1);

  self->fd = fd;
  self->terminal = isatty (fd) && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
  self->items = g_ptr_array_new_with_free_func (item_free);
  return self;
}

void
vmctl_progress_free (VmctlProgress *self)
{
  vmctl_progress_clear (self);
  g_clear_handle_id (&self->tick, g_source_remove);
  g_ptr_array_unref (self->items);
  g_free (self);
}

static void
emit (VmctlProgress *self, const char *text)
{
  if (write (self->fd, text, strlen (text)) < 0)
    g_debug ("nobody looks at the progress any more");
}

void
vmctl_progress_clear (VmctlProgress *self)
{
  if (self->drawn)
    emit (self, "\r\033[K");
  self->drawn = FALSE;
}

static char *
format_bytes (VmctlProgressItem *item)
{
  g_autofree char *done = vmctl_text_format_size (item->bytes_done);
  g_autofree char *total = vmctl_text_format_size (item->bytes_total);

  if (item->bytes_done == 0 && item->bytes_total == 0)
    return g_strdup ("");
  if (item->bytes_total == 0)
    return g_strconcat (" ", done, NULL);
  return g_strdup_printf (" %s of %s", done, total);
}

static char *
format_bar (VmctlProgressItem *item)
{
  double fraction = CLAMP (item->fraction, 0, 1);
  int filled = (int) (fraction * BAR_WIDTH);
  g_autofree char *full = g_strnfill (filled, '#');
  g_autofree char *empty = g_strnfill (BAR_WIDTH - filled, '.');

  if (item->fraction < 0)
    return g_strdup ("");
  return g_strdup_printf (" [%s%s] %3d %%", full, empty, (int) (fraction * 100));
}

/* "start web: booting [#####...............]  25 % 1 MiB of 4 MiB", cut to @columns; 0: uncut, and
 * without the bar. (transfer full) */
char *
vmctl_progress_format (VmctlProgressItem *item, guint columns)
{
  g_autofree char *bytes = format_bytes (item);
  g_autofree char *bar = columns > 0 ? format_bar (item) : g_strdup ("");
  g_autofree char *line = g_strdup_printf (
      "%s%s%s%s%s", item->label, *item->phase != '\0' ? ": " : "", item->phase, bar, bytes);
  g_autofree char *shown = vmctl_text_make_printable (line, -1);

  if (columns > 0 && g_utf8_strlen (shown, -1) > (glong) columns)
    return g_utf8_substring (shown, 0, columns);
  return g_steal_pointer (&shown);
}

static void
draw (VmctlProgress *self)
{
  VmctlProgressItem *item = self->items->pdata[0];
  guint columns = 80, rows = 24;
  g_autofree char *more = NULL;
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;

  if (g_get_monotonic_time () - item->started < SILENT_ON_TERMINAL_US)
    return;
  if (self->items->len > 1)
    more = g_strdup_printf (" (and %u more)", self->items->len - 1);
  vmctl_terminal_get_size (self->fd, &columns, &rows);
  columns -= MIN (columns - 1, 1 + (more != NULL ? strlen (more) : 0));
  text = vmctl_progress_format (item, columns);
  line = g_strconcat ("\r", text, more != NULL ? more : "", "\033[K", NULL);
  emit (self, line);
  self->drawn = TRUE;
}

static void
tell (VmctlProgressItem *item)
{
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;

  if (g_get_monotonic_time () - item->started < SILENT_US ||
      g_strcmp0 (item->told, item->phase) == 0)
    return;
  g_free (item->told);
  item->told = g_strdup (item->phase);
  text = vmctl_progress_format (item, 0);
  line = g_strdup_printf ("vmctl: %s\n", text);
  emit (item->progress, line);
}

static gboolean
tick_cb (gpointer data)
{
  VmctlProgress *self = data;

  if (self->terminal)
    draw (self);
  else
    for (guint i = 0; i < self->items->len; i++)
      tell (self->items->pdata[i]);
  return G_SOURCE_CONTINUE;
}

/* @label: what is done, on what. The item is @self's, until vmctl_progress_end(). */
VmctlProgressItem *
vmctl_progress_begin (VmctlProgress *self, const char *label)
{
  VmctlProgressItem *item = g_new0 (VmctlProgressItem, 1);

  item->progress = self;
  item->label = g_strdup (label);
  item->phase = g_strdup ("");
  item->fraction = -1;
  item->started = g_get_monotonic_time ();
  g_ptr_array_add (self->items, item);
  if (self->tick == 0)
    self->tick = g_timeout_add (TICK_MS, tick_cb, self);
  return item;
}

/* @job_properties: an a{sv} of those properties of the job that changed. */
void
vmctl_progress_update (VmctlProgressItem *item, GVariant *job_properties)
{
  const char *phase;

  if (g_variant_lookup (job_properties, "Phase", "&s", &phase) && !g_str_equal (phase, item->phase))
    {
      g_free (item->phase);
      item->phase = g_strdup (phase);
    }
  g_variant_lookup (job_properties, "Progress", "d", &item->fraction);
  g_variant_lookup (job_properties, "BytesDone", "t", &item->bytes_done);
  g_variant_lookup (job_properties, "BytesTotal", "t", &item->bytes_total);
}

void
vmctl_progress_end (VmctlProgressItem *item)
{
  VmctlProgress *self = item->progress;

  vmctl_progress_clear (self);
  g_ptr_array_remove (self->items, item);
  if (self->items->len == 0)
    g_clear_handle_id (&self->tick, g_source_remove);
}

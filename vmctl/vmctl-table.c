/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-table.h"

#include "vmctl-text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define GAP 2

/* Words that say at a glance how it stands, and their colours on a terminal. */
static const struct
{
  const char *word;
  const char *style;
} styles[] = {
  { "running", "\033[32m" }, { "done", "\033[32m" },    { "paused", "\033[33m" },
  { "queued", "\033[33m" },  { "waiting", "\033[33m" }, { "error", "\033[31m" },
  { "failed", "\033[31m" },
};

struct _VmctlTable
{
  guint n_columns;
  GPtrArray *cells; /* char *, row by row; the first row has the titles */
};

/* @titles ends with NULL. */
VmctlTable *
vmctl_table_new (const char *const *titles)
{
  VmctlTable *self = g_new0 (VmctlTable, 1);

  self->cells = g_ptr_array_new_with_free_func (g_free);
  for (; titles[self->n_columns] != NULL; self->n_columns++)
    g_ptr_array_add (self->cells, g_strdup (titles[self->n_columns]));
  return self;
}

void
vmctl_table_free (VmctlTable *self)
{
  g_ptr_array_unref (self->cells);
  g_free (self);
}

/* One row: a string for each column, then NULL. An empty one is shown as "-". */
void
vmctl_table_add (VmctlTable *self, const char *cell, ...)
{
  guint n = 0;
  va_list cells;

  va_start (cells, cell);
  for (; cell != NULL; cell = va_arg (cells, const char *), n++)
    g_ptr_array_add (self->cells, vmctl_text_make_printable (*cell != '\0' ? cell : "-", -1));
  va_end (cells);
  g_return_if_fail (n == self->n_columns);
}

static gsize
get_column_width (VmctlTable *self, guint column)
{
  gsize width = 0;

  for (guint i = column; i < self->cells->len; i += self->n_columns)
    width = MAX (width, vmctl_text_get_width (self->cells->pdata[i]));
  return width;
}

/* "": as it is. */
static const char *
find_style (VmctlTable *self, guint index)
{
  if (index < self->n_columns)
    return "\033[1m";
  for (guint i = 0; i < G_N_ELEMENTS (styles); i++)
    if (g_str_equal (self->cells->pdata[index], styles[i].word))
      return styles[i].style;
  return "";
}

/* (transfer full): lines, each with its newline, none with blanks at its end. */
char *
vmctl_table_format (VmctlTable *self, gboolean terminal)
{
  g_autofree gsize *widths = g_new (gsize, self->n_columns);
  GString *text = g_string_new (NULL);

  for (guint column = 0; column < self->n_columns; column++)
    widths[column] = get_column_width (self, column);
  for (guint i = 0; i < self->cells->len; i++)
    {
      const char *cell = self->cells->pdata[i];
      guint column = i % self->n_columns;
      const char *style = terminal ? find_style (self, i) : "";
      gsize blanks = widths[column] + GAP - vmctl_text_get_width (cell);

      g_string_append_printf (text, "%s%s%s", style, cell, *style != '\0' ? "\033[0m" : "");
      if (column + 1 < self->n_columns)
        g_string_append_printf (text, "%*s", (int) blanks, "");
      else
        g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

void
vmctl_table_print (VmctlTable *self)
{
  g_autofree char *text = vmctl_table_format (self, isatty (STDOUT_FILENO));

  fputs (text, stdout);
}

/* Its first row, a line for each column: "Name:    web". */
void
vmctl_table_print_record (VmctlTable *self)
{
  g_return_if_fail (self->cells->len >= 2 * self->n_columns);

  for (guint column = 0; column < self->n_columns; column++)
    {
      g_autofree char *title = g_ascii_strdown (self->cells->pdata[column], -1);
      g_autofree char *shown = g_strdup_printf ("%c%s:", g_ascii_toupper (title[0]), title + 1);

      printf ("%-12s %s\n", shown, (char *) self->cells->pdata[self->n_columns + column]);
    }
}

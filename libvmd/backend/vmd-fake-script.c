/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-script-private.h"

#include <stdlib.h>
#include <string.h>

static const char *const actions[] = {
  [VMD_FAKE_GO_ON] = "go-on", [VMD_FAKE_DELAY] = "delay", [VMD_FAKE_HANG] = "hang",
  [VMD_FAKE_FAIL] = "fail",   [VMD_FAKE_DIE] = "die",
};

void
vmd_fake_order_clear (VmdFakeOrder *order)
{
  g_clear_pointer (&order->text, g_free);
}

/* Is @word "STEP" or "STEP@VM" of this step and VM? */
static gboolean
fits (const char *word, const char *step, const char *vm_name)
{
  const char *at = strchr (word, '@');
  gsize length = at != NULL ? (gsize) (at - word) : strlen (word);

  return strlen (step) == length && strncmp (word, step, length) == 0 &&
         (at == NULL || strcmp (at + 1, vm_name) == 0);
}

/* A script that cannot be read is a mistake in a test: better seen at once. */
static VmdFakeAction
parse_action (const char *line, const char *word)
{
  for (gsize i = 0; i < G_N_ELEMENTS (actions); i++)
    if (strcmp (word, actions[i]) == 0)
      return i;

  g_printerr ("“%s” is no line of a script: write STEP[@VM] ACTION [ARGUMENT]\n", line);
  exit (2);
}

static void
parse_line (const char *line, const char *step, const char *vm_name, VmdFakeOrder *order)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 3);
  guint n = g_strv_length (words);
  VmdFakeAction action;

  if (n == 0 || words[0][0] == '#' || words[0][0] == '\0')
    return;
  action = parse_action (line, n > 1 ? words[1] : "");
  if (!fits (words[0], step, vm_name))
    return;
  vmd_fake_order_clear (order);
  order->action = action;
  order->number = n > 2 ? (guint) strtoul (words[2], NULL, 10) : 0;
  order->text = g_strdup (n > 2 ? words[2] : "the script says so");
}

/* What the text @script orders for @step of the VM @vm_name; @order stays as it is if that is
 * nothing. */
void
vmd_fake_script_parse (const char *script, const char *step, const char *vm_name,
                       VmdFakeOrder *order)
{
  g_auto (GStrv) lines = g_strsplit (script, "\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    parse_line (g_strstrip (lines[i]), step, vm_name, order);
}

/* What is ordered for @step now; VMD_FAKE_GO_ON if nothing is. */
void
vmd_fake_script_look_up (const char *vm_dir, const char *step, const char *vm_name,
                         VmdFakeOrder *order)
{
  g_autofree char *own = g_build_filename (vm_dir, "fake-script", NULL);
  const char *const paths[] = { g_getenv ("VMD_FAKE_SCRIPT"), own };

  *order = (VmdFakeOrder){ .action = VMD_FAKE_GO_ON };
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autofree char *script = NULL;

      if (paths[i] != NULL && g_file_get_contents (paths[i], &script, NULL, NULL))
        vmd_fake_script_parse (script, step, vm_name, order);
    }
}

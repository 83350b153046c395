/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmd-guest unpack --target PATH [--replace] [--hold] [--staging-name HEX]
 *
 * Puts a tree into its place in one step. The protocol, for who calls it from the host:
 *
 * Program  /run/vmd/vmd-guest, in every guest, whatever the image has. The arguments need no shell
 *          but what the SSH server passes them through: quote PATH.
 * PATH     Absolute, no "." or ".." components. Missing parents are made; a symbolic link among
 *          them is refused. Without --replace, only nothing or an empty directory may be there;
 *          with it, a directory whose tree is replaced as a whole.
 * HEX      1 to 64 digits, e.g. the job's id, for the staging directory beside PATH
 *          (".vmd-staging-HEX") and its record in /var/lib/vmd/staging. Random if not given.
 * stdin    The tar (ustar, pax or GNU), ended by its two blocks of zeros, then the end of input.
 *          With --hold, the line "keep\n" between the two: see below.
 * stdout   Nothing, or one line when the tree is in place, and on disk: "ok files=N bytes=N\n".
 * stderr   Nothing, or one line on what went wrong: "vmd-guest: unpack: …\n".
 * exit     0, or enum unpack_status (unpack.h): of what kind it was.
 *
 * Wherever the input is cut, and whatever fails: what was there before is there still and nothing
 * else, and another try works. So a caller who gives up closes the channel, and is done.
 *
 * --hold is for who must do something of his own once the tree is in place, and may fail at that
 * (the host writes the workspace's row under a re-check). He sends the tar, reads "ok …", does
 * his own part, sends "keep\n", closes stdin, waits for exit 0. If stdin ends without that line,
 * or a signal comes (a guest that is being stopped sends one), the step is taken back: the old
 * tree returns, or none, and the exit status is UNPACK_INTERRUPTED. A replaced tree is removed
 * only after "keep". */

#include "applets.h"
#include "unpack-failure.h"
#include "unpack-staging.h"
#include "unpack-tree.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

struct unpack_options
{
  const char *target;
  const char *staging_name;
  bool replace;
  bool hold;
  char random_name[33];
};

static void
signalled_cb (int number)
{
  unpack_signal = number;
}

/* Lets the signals that mean "give up" in only while the input is waited for: @wait_mask is the
 * mask for that. A reader of our output that is gone must not kill us between two steps. */
static void
catch_signals (sigset_t *wait_mask)
{
  static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
  const struct sigaction action = { .sa_handler = signalled_cb };
  const struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigset_t blocked;

  sigaction (SIGPIPE, &ignore, NULL);
  sigprocmask (SIG_SETMASK, NULL, wait_mask);
  blocked = *wait_mask;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    {
      sigaction (numbers[i], &action, NULL);
      sigaddset (&blocked, numbers[i]);
      sigdelset (wait_mask, numbers[i]);
    }
  sigprocmask (SIG_SETMASK, &blocked, NULL);
}

static bool
choose_staging_name (struct unpack_options *self)
{
  unsigned char bytes[16];

  if (self->staging_name != NULL)
    {
      size_t length = strlen (self->staging_name);

      return (length >= 1 && length <= 64 &&
              strspn (self->staging_name, "0123456789abcdef") == length) ||
             unpack_fail (UNPACK_USAGE, "the staging name is not of 1 to 64 hex digits");
    }

  if (getrandom (bytes, sizeof bytes, 0) != (ssize_t) sizeof bytes)
    return unpack_fail_errno ("cannot get random bytes");
  for (size_t i = 0; i < sizeof bytes; i++)
    snprintf (self->random_name + 2 * i, 3, "%02x", bytes[i]);
  self->staging_name = self->random_name;
  return true;
}

static bool
parse_options (struct unpack_options *self, int argc, char **argv)
{
  memset (self, 0, sizeof *self);
  for (int i = 1; i < argc; i++)
    {
      bool has_value = i + 1 < argc;

      if (strcmp (argv[i], "--replace") == 0)
        self->replace = true;
      else if (strcmp (argv[i], "--hold") == 0)
        self->hold = true;
      else if (strcmp (argv[i], "--target") == 0 && has_value)
        self->target = argv[++i];
      else if (strcmp (argv[i], "--staging-name") == 0 && has_value)
        self->staging_name = argv[++i];
      else
        return unpack_fail (UNPACK_USAGE, "'%s' is no option, or lacks its value", argv[i]);
    }
  if (self->target == NULL)
    return unpack_fail (UNPACK_USAGE, "usage: vmd-guest unpack --target PATH [--replace] [--hold] "
                                      "[--staging-name HEX]");

  return choose_staging_name (self);
}

/* Reads the whole archive into @tree. */
static bool
unpack_members (struct unpack_tree *tree, struct unpack_input *input)
{
  static struct tar_member member;
  bool ended;

  for (;;)
    {
      if (!tar_next (input, &member, &ended))
        return false;
      if (ended)
        return true;
      if (!unpack_tree_add (tree, &member, input))
        return false;
    }
}

static bool
say_ok (const struct unpack_tree *tree)
{
  printf ("ok files=%llu bytes=%llu\n", (unsigned long long) tree->n_files,
          (unsigned long long) tree->n_bytes);
  return fflush (stdout) == 0 || unpack_fail_errno ("cannot say that the tree is in place");
}

static bool
fill_and_publish (struct unpack_staging *staging, bool hold, const sigset_t *wait_mask)
{
  static struct unpack_input input;
  static struct unpack_tree tree;
  bool unpacked;

  unpack_input_open (&input, STDIN_FILENO, wait_mask);
  unpack_tree_open (&tree, staging->top_fd);
  unpacked = unpack_members (&tree, &input);
  unpack_tree_close (&tree);

  return unpacked && (hold || unpack_input_expect_last (&input, "")) &&
         unpack_staging_publish (staging) && say_ok (&tree) &&
         (!hold || unpack_input_expect_last (&input, "keep\n"));
}

int
applet_unpack (int argc, char **argv)
{
  struct unpack_options options;
  static struct unpack_staging staging;
  sigset_t wait_mask;

  umask (0);
  catch_signals (&wait_mask);
  if (parse_options (&options, argc, argv))
    {
      if (unpack_staging_begin (&staging, options.target, options.replace, options.staging_name) &&
          !fill_and_publish (&staging, options.hold, &wait_mask))
        unpack_staging_take_back (&staging);
      unpack_staging_end (&staging);
    }

  if (unpack_failure_status () != UNPACK_OK)
    fprintf (stderr, "vmd-guest: unpack: %s\n", unpack_failure_message ());
  return (int) unpack_failure_status ();
}

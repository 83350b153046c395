/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-program-private.h"

#include "vmd-failure-private.h"

#include <unistd.h>

/* Where administrators' programs are, which a user's PATH often lacks. */
static const char *const more_directories[] = { "/usr/local/sbin", "/usr/sbin", "/sbin" };

/* vmd's own programs, and where in a build tree each is made. */
static const struct
{
  const char *name;
  const char *build_directory;
} helpers[] = {
  { "vmd-guest", "subprojects/vmd-guest" },
  { "vmd-fake-vmm", "libvmd/backend" },
  { "vmd-network-guard", "libvmd/backend" },
  { "vmd-source", "libvmd/source" },
};

/* The Debian package of each program that vmd runs. */
static const struct
{
  const char *name;
  const char *package;
} packages[] = {
  { "apt-get", "apt" },
  { "dropbearconvert", "dropbear-bin" },
  { "git", "git" },
  { "mmdebstrap", "mmdebstrap" },
  { "passt", "passt" },
  { "qemu-img", "qemu-utils" },
  { "qemu-system-x86_64", "qemu-system-x86" },
  { "ssh-keygen", "openssh-client" },
};

static gboolean
is_program (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_REGULAR) && access (path, X_OK) == 0;
}

static const char *
find_build_directory (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (helpers); i++)
    if (g_str_equal (helpers[i].name, name))
      return helpers[i].build_directory;

  return ".";
}

/* The path of one of vmd's own programs ("vmd-guest"): in $VMD_LIBEXECDIR where that is set, in the
 * installed libexec directory, else in the build tree that this library was built in, so that vmd
 * runs uninstalled. (transfer full), or NULL with MISSING_PROGRAM, which names the places. */
char *
vmd_helper_find (const char *name, GError **error)
{
  const char *override = g_getenv ("VMD_LIBEXECDIR");
  g_autofree char *build = g_build_filename (VMD_BUILD_ROOT, find_build_directory (name), NULL);
  const char *const directories[] = { override != NULL ? override : VMD_LIBEXECDIR, VMD_LIBEXECDIR,
                                      build };

  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    {
      g_autofree char *path = g_build_filename (directories[i], name, NULL);

      if (is_program (path))
        return g_canonicalize_filename (path, NULL);
    }
  vmd_fail (error, VMD_ERROR_MISSING_PROGRAM,
            "vmd's own program %s is in none of %s%s%s and %s: install vmd, or set VMD_LIBEXECDIR",
            name, override != NULL ? override : "", override != NULL ? ", " : "", VMD_LIBEXECDIR,
            build);

  return NULL;
}

/* The absolute path of a program in PATH, or in the directories of administrators' programs.
 * (transfer full), or NULL with MISSING_PROGRAM, which names the program and the Debian package
 * that has it. */
char *
vmd_program_find (const char *name, GError **error)
{
  g_autofree char *found = g_find_program_in_path (name);
  const char *package = NULL;

  if (found != NULL)
    return g_canonicalize_filename (found, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (more_directories); i++)
    {
      g_autofree char *path = g_build_filename (more_directories[i], name, NULL);

      if (is_program (path))
        return g_steal_pointer (&path);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (packages); i++)
    if (g_str_equal (packages[i].name, name))
      package = packages[i].package;
  if (package != NULL)
    vmd_fail (error, VMD_ERROR_MISSING_PROGRAM,
              "the program %s is not installed: on Debian, apt-get install %s", name, package);
  else
    vmd_fail (error, VMD_ERROR_MISSING_PROGRAM, "the program %s is not installed", name);

  return NULL;
}

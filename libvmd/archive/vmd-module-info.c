/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-modules-private.h"

#include <elf.h>
#include <string.h>

/* What a module says of itself. This is read, and not modules.dep, since depmod makes that when a
 * kernel is installed: Debian's package has none. The file is foreign, so every offset is checked
 * before it is followed. */

void
vmd_module_info_clear (VmdModuleInfo *info)
{
  g_clear_pointer (&info->name, g_free);
  g_clear_pointer (&info->depends, g_strfreev);
  g_clear_pointer (&info->release, g_free);
}

/* Where @length bytes at @offset are; NULL: they are not all in the file. */
static const char *
at (const char *file, gsize size, guint64 offset, guint64 length)
{
  return offset <= size && length <= size - offset ? file + offset : NULL;
}

static gboolean
read_header (const char *file, gsize size, Elf64_Ehdr *header)
{
  if (size < sizeof *header)
    return FALSE;
  memcpy (header, file, sizeof *header);
  return memcmp (header->e_ident, ELFMAG, SELFMAG) == 0 &&
         header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
         header->e_shentsize == sizeof (Elf64_Shdr);
}

static gboolean
read_section (const char *file, gsize size, const Elf64_Ehdr *header, guint index,
              Elf64_Shdr *section)
{
  const char *start;
  guint64 offset = (guint64) index * sizeof *section;

  if (index >= header->e_shnum || header->e_shoff > size)
    return FALSE;
  start = at (file, size, header->e_shoff + offset, sizeof *section);
  if (start != NULL)
    memcpy (section, start, sizeof *section);
  return start != NULL;
}

/* The content of the section @wanted, and its length. */
static const char *
find_section (const char *file, gsize size, const char *wanted, gsize *length)
{
  Elf64_Ehdr header;
  Elf64_Shdr names;
  Elf64_Shdr section;
  const char *name;

  if (!read_header (file, size, &header) ||
      !read_section (file, size, &header, header.e_shstrndx, &names) ||
      at (file, size, names.sh_offset, names.sh_size) == NULL)
    return NULL;
  for (guint i = 0; read_section (file, size, &header, i, &section); i++)
    {
      if (section.sh_name >= names.sh_size)
        continue;
      name = file + names.sh_offset + section.sh_name;
      if (strnlen (name, names.sh_size - section.sh_name) != strlen (wanted) ||
          memcmp (name, wanted, strlen (wanted)) != 0 || section.sh_type == SHT_NOBITS)
        continue;
      *length = section.sh_size;
      return at (file, size, section.sh_offset, section.sh_size);
    }

  return NULL;
}

static char *
normalise (const char *name)
{
  return g_strdelimit (g_strdup (name), "-", '_');
}

static void
take_line (VmdModuleInfo *info, const char *line)
{
  const char *value = strchr (line, '=');

  if (value == NULL)
    return;
  value++;
  if (g_str_has_prefix (line, "name=") && info->name == NULL)
    info->name = normalise (value);
  else if (g_str_has_prefix (line, "depends=") && info->depends == NULL)
    {
      g_autofree char *depends = normalise (value);

      info->depends = g_strsplit (depends, ",", -1);
    }
  else if (g_str_has_prefix (line, "vermagic=") && info->release == NULL)
    info->release = g_strndup (value, strcspn (value, " "));
}

gboolean
vmd_module_info_read (const void *module, gsize length, VmdModuleInfo *info)
{
  gsize left = 0;
  const char *next = find_section (module, length, ".modinfo", &left);

  if (next == NULL)
    return FALSE;
  while (left > 0)
    {
      gsize n = strnlen (next, left);
      g_autofree char *line = g_strndup (next, n);

      take_line (info, line);
      n = MIN (n + 1, left);
      next += n;
      left -= n;
    }

  return TRUE;
}

char *
vmd_module_name_from_path (const char *path)
{
  static const char *const endings[] = { ".ko", ".ko.xz", ".ko.gz", ".ko.zst" };
  g_autofree char *base = g_path_get_basename (path);

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (base, endings[i]) && strlen (base) > strlen (endings[i]))
      {
        base[strlen (base) - strlen (endings[i])] = '\0';
        return normalise (base);
      }

  return NULL;
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

#include "utf8.h"

#include <stdint.h>

/* The length that @first announces, 0: none, and what the character is of it. */
static size_t
read_first (unsigned char first, uint32_t *character, uint32_t *least)
{
  static const struct
  {
    unsigned char mask;
    unsigned char mark;
    uint32_t least; /* what is below has a shorter form, and is nothing in this one */
  } forms[] = {
    { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
  };

  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
    if ((first & forms[i].mask) == forms[i].mark)
      {
        *character = first & (unsigned char) ~forms[i].mask;
        *least = forms[i].least;
        return i + 1;
      }

  return 0;
}

/* The length of the character that @bytes begins with; 0: that is none. */
static size_t
character_length (const char *bytes, size_t length)
{
  uint32_t character, least;
  size_t wanted = read_first ((unsigned char) bytes[0], &character, &least);

  if (wanted == 0 || wanted > length)
    return 0;
  for (size_t i = 1; i < wanted; i++)
    {
      unsigned char next = (unsigned char) bytes[i];

      if ((next & 0xc0) != 0x80)
        return 0;
      character = character << 6 | (next & 0x3f);
    }
  if (character < least || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
    return 0;

  return wanted;
}

size_t
utf8_valid_length (const char *bytes, size_t length)
{
  size_t valid = 0;

  while (valid < length)
    {
      size_t n = character_length (bytes + valid, length - valid);

      if (n == 0)
        break;
      valid += n;
    }

  return valid;
}

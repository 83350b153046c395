/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads ustar, pax and GNU tar streams. What comes in is foreign: each number, length and name
 * is checked here, once, so that the writing side sees only members that mean a file, a
 * directory or a link below the tree. Anything that this reader does not know exactly (sparse
 * files, devices, pipes, volumes, old formats without a magic) is refused, not guessed at. */

#include "unpack-tar.h"
#include "unpack-failure.h"

#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE 512
#define EXTENSION_MAX (UNPACK_INPUT_SIZE / 2)

struct tar_header
{
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[8];
  char owner[32];
  char group[32];
  char major[8];
  char minor[8];
  char prefix[155];
  char padding[12];
};
_Static_assert(sizeof (struct tar_header) == BLOCK_SIZE, "a tar header is one block");

/* What extension headers say about the member that follows them. */
struct tar_extension
{
  bool has_name;
  bool has_target;
  bool has_size;
  bool has_mtime;
  uint64_t size;
  struct timespec mtime;
};

static bool
bad (const char *what)
{
  return unpack_fail (UNPACK_BAD_ARCHIVE, "%s", what);
}

/* A field of octal digits, with blanks before and a blank or NUL after, or GNU's binary form. */
static bool
parse_number (const char *field, size_t size, uint64_t *value)
{
  size_t i = 0;

  *value = 0;
  if ((unsigned char) field[0] == 0x80)
    {
      for (i = 1; i < size; i++)
        {
          if (*value >> 55 != 0)
            return bad ("a number in a header is too large");
          *value = *value << 8 | (unsigned char) field[i];
        }
      return true;
    }

  while (i < size && field[i] == ' ')
    i++;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
    *value = *value << 3 | (uint64_t) (field[i] - '0');
  if (i < size && field[i] != ' ' && field[i] != '\0')
    return bad ("a number in a header is not octal");
  return true;
}

static bool
verify_checksum (const struct tar_header *header)
{
  const unsigned char *bytes = (const unsigned char *) header;
  const size_t begin = offsetof (struct tar_header, checksum);
  uint64_t expected;
  uint64_t sum = 0;

  for (size_t i = 0; i < BLOCK_SIZE; i++)
    sum += i >= begin && i < begin + sizeof header->checksum ? ' ' : bytes[i];
  if (!parse_number (header->checksum, sizeof header->checksum, &expected))
    return false;

  return sum == expected || bad ("a header is damaged");
}

/* Decimal digits only, no sign, ended by @end. */
static bool
parse_decimal (const char *text, const char *end, uint64_t *value)
{
  *value = 0;
  if (text == end)
    return false;
  for (; text < end; text++)
    {
      if (*text < '0' || *text > '9' || *value > (INT64_MAX - 9) / 10)
        return false;
      *value = *value * 10 + (uint64_t) (*text - '0');
    }

  return true;
}

/* Seconds since 1970, with an optional sign and an optional fraction. */
static bool
parse_time (const char *text, const char *end, struct timespec *time)
{
  bool negative = text < end && *text == '-';
  const char *first = text + negative;
  const char *point = memchr (first, '.', (size_t) (end - first));
  long scale = 100000000;
  uint64_t seconds;

  time->tv_nsec = 0;
  if (!parse_decimal (first, point != NULL ? point : end, &seconds))
    return false;
  for (const char *digit = point != NULL ? point + 1 : end; digit < end; digit++, scale /= 10)
    {
      if (*digit < '0' || *digit > '9')
        return false;
      time->tv_nsec += (*digit - '0') * scale;
    }

  time->tv_sec = negative ? -(time_t) seconds : (time_t) seconds;
  if (negative && time->tv_nsec > 0)
    {
      time->tv_sec--;
      time->tv_nsec = 1000000000 - time->tv_nsec;
    }
  return true;
}

/* Copies @length bytes that are to be a name into @name. */
static bool
copy_name (char *name, const char *bytes, size_t length, const char *what)
{
  if (length >= PATH_MAX || memchr (bytes, '\0', length) != NULL)
    return unpack_fail (UNPACK_BAD_ARCHIVE, "%s is too long, or has a NUL byte in it", what);

  memcpy (name, bytes, length);
  name[length] = '\0';
  return true;
}

static bool
key_is (const char *key, size_t length, const char *expected)
{
  return length == strlen (expected) && memcmp (key, expected, length) == 0;
}

static bool
apply_record (struct tar_member *member, struct tar_extension *extension, const char *key,
              size_t key_length, const char *value, const char *end)
{
  size_t length = (size_t) (end - value);

  if (key_is (key, key_length, "path"))
    return extension->has_name = copy_name (member->name, value, length, "a member's name");
  if (key_is (key, key_length, "linkpath"))
    return extension->has_target = copy_name (member->target, value, length, "a link's target");
  if (key_is (key, key_length, "size"))
    return (extension->has_size = parse_decimal (value, end, &extension->size)) ||
           bad ("a pax size is no number");
  if (key_is (key, key_length, "mtime"))
    return (extension->has_mtime = parse_time (value, end, &extension->mtime)) ||
           bad ("a pax time is no number");
  if (key_length > 11 && memcmp (key, "GNU.sparse.", 11) == 0)
    return bad ("sparse members are not supported");

  return true;
}

/* Records of the form "<length> <key>=<value>\n", where the length counts the whole record. */
static bool
parse_pax (struct tar_member *member, struct tar_extension *extension, const char *text,
           size_t size)
{
  const char *end = text + size;

  while (text < end)
    {
      const char *space = memchr (text, ' ', (size_t) (end - text));
      const char *equals;
      const char *record_end;
      uint64_t length;

      if (space == NULL || !parse_decimal (text, space, &length) ||
          length > (uint64_t) (end - text) || length < (uint64_t) (space - text) + 3)
        return bad ("a pax record has a wrong length");
      record_end = text + length - 1;
      equals = memchr (space + 1, '=', (size_t) (record_end - space - 1));
      if (*record_end != '\n' || equals == NULL)
        return bad ("a pax record is damaged");
      if (!apply_record (member, extension, space + 1, (size_t) (equals - space - 1), equals + 1,
                         record_end))
        return false;
      text = record_end + 1;
    }

  return true;
}

static uint64_t
padded (uint64_t size)
{
  return (size + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
}

/* Reads what belongs to an extension header. */
static bool
read_extension (struct unpack_input *input, const struct tar_header *header,
                struct tar_member *member, struct tar_extension *extension)
{
  char type = header->type;
  const unsigned char *bytes;
  const char *text;
  uint64_t size;

  if (!parse_number (header->size, sizeof header->size, &size))
    return false;
  if (size > EXTENSION_MAX)
    return bad ("an extension header is too large");
  /* From here on @header is gone: it lay in the buffer. */
  if (!unpack_input_take (input, (size_t) padded (size), &bytes))
    return false;

  text = (const char *) bytes;
  if (type == 'x')
    return parse_pax (member, extension, text, (size_t) size);
  if (type == 'L')
    return extension->has_name =
               copy_name (member->name, text, strnlen (text, (size_t) size), "a member's name");
  if (type == 'K')
    return extension->has_target =
               copy_name (member->target, text, strnlen (text, (size_t) size), "a link's target");
  /* 'g', a comment for the whole archive, such as git writes. */
  return true;
}

/* Makes @name a relative path without empty and "." components, in place. */
static bool
normalise (char *name)
{
  char *to = name;

  if (name[0] == '/')
    return unpack_fail_member (name, "has an absolute name");
  for (const char *part = name; *part != '\0';)
    {
      size_t length = strcspn (part, "/");

      if (length == 2 && part[0] == '.' && part[1] == '.')
        return unpack_fail_member (name, "has '..' in its name");
      if (length > 0 && !(length == 1 && part[0] == '.'))
        {
          if (length > NAME_MAX)
            return unpack_fail_member (name, "has a component of more than 255 bytes");
          if (to > name)
            *to++ = '/';
          memmove (to, part, length);
          to += length;
        }
      part += length;
      part += *part == '/';
    }

  *to = '\0';
  return true;
}

static bool
set_type (struct tar_member *member, char type)
{
  switch (type)
    {
    case '0':
    case '7':
    case '\0':
      member->type = TAR_FILE;
      return true;
    case '1':
      member->type = TAR_HARD_LINK;
      return true;
    case '2':
      member->type = TAR_SYMBOLIC_LINK;
      return true;
    case '5':
      member->type = TAR_DIRECTORY;
      return true;
    case '3':
    case '4':
      return unpack_fail_member (member->name, "is a device");
    case '6':
      return unpack_fail_member (member->name, "is a named pipe");
    default:
      return unpack_fail_member (member->name, "is of a type that is not supported");
    }
}

static bool
set_names (struct tar_member *member, const struct tar_header *header,
           const struct tar_extension *extension)
{
  /* GNU's header has other things where ustar has the prefix. */
  bool has_prefix = memcmp (header->magic, "ustar\0", 6) == 0 && header->prefix[0] != '\0';

  if (!extension->has_name)
    snprintf (member->name, sizeof member->name, "%.*s%s%.*s",
              has_prefix ? (int) sizeof header->prefix : 0, header->prefix, has_prefix ? "/" : "",
              (int) sizeof header->name, header->name);
  if (!extension->has_target)
    snprintf (member->target, sizeof member->target, "%.*s", (int) sizeof header->link,
              header->link);
  if (member->name[0] == '\0')
    return bad ("a member has no name");

  return true;
}

/* Checks what the parts of a member say together. */
static bool
check_member (struct tar_member *member)
{
  size_t length = strlen (member->name);

  if (member->type != TAR_DIRECTORY && member->name[length - 1] == '/')
    return unpack_fail_member (member->name, "is no directory and has the name of one");
  if (!normalise (member->name))
    return false;
  if (member->type != TAR_DIRECTORY && member->name[0] == '\0')
    return bad ("a member would take the place of the tree itself");
  if (member->type != TAR_FILE && member->size != 0)
    return unpack_fail_member (member->name, "has data and is no file");
  if (member->type != TAR_HARD_LINK && member->type != TAR_SYMBOLIC_LINK)
    return true;

  if (member->target[0] == '\0')
    return unpack_fail_member (member->name, "is a link to nowhere");
  return member->type == TAR_SYMBOLIC_LINK || normalise (member->target);
}

static bool
set_member (struct tar_member *member, const struct tar_header *header,
            const struct tar_extension *extension)
{
  uint64_t mode, mtime;

  if (!set_names (member, header, extension) || !set_type (member, header->type) ||
      !parse_number (header->mode, sizeof header->mode, &mode) ||
      !parse_number (header->mtime, sizeof header->mtime, &mtime) ||
      !parse_number (header->size, sizeof header->size, &member->size))
    return false;

  if (extension->has_size)
    member->size = extension->size;
  if (member->size > INT64_MAX - BLOCK_SIZE)
    return unpack_fail_member (member->name, "is too large");
  member->mode = (mode_t) (mode & 0777);
  member->mtime = (struct timespec){ .tv_sec = (time_t) mtime };
  if (extension->has_mtime)
    member->mtime = extension->mtime;
  return check_member (member);
}

static bool
is_zero (const void *block)
{
  static const unsigned char zeros[BLOCK_SIZE];

  return memcmp (block, zeros, sizeof zeros) == 0;
}

static bool
is_extension (char type)
{
  return type == 'x' || type == 'g' || type == 'L' || type == 'K';
}

/* Reads up to the data of the next member; the caller takes those, and then the padding.
 * *@ended: after the two blocks of zeros that end an archive. */
bool
tar_next (struct unpack_input *input, struct tar_member *member, bool *ended)
{
  struct tar_extension extension = { 0 };
  const struct tar_header *header;
  const unsigned char *block;

  *ended = false;
  for (;;)
    {
      if (!unpack_input_take (input, BLOCK_SIZE, &block))
        return false;
      if (is_zero (block))
        break;

      header = (const struct tar_header *) block;
      if (!verify_checksum (header))
        return false;
      if (memcmp (header->magic, "ustar\0", 6) != 0 && memcmp (header->magic, "ustar ", 6) != 0)
        return bad ("the archive is no ustar, pax or GNU tar");
      if (!is_extension (header->type))
        return set_member (member, header, &extension);
      if (!read_extension (input, header, member, &extension))
        return false;
    }

  if (extension.has_name || extension.has_target || extension.has_size)
    return bad ("the archive ends after a header that promised a member");
  if (!unpack_input_take (input, BLOCK_SIZE, &block))
    return false;
  *ended = is_zero (block);
  return *ended || bad ("a block of zeros in the archive");
}

/* Skips what fills the last block of @size bytes of data. */
bool
tar_skip_padding (struct unpack_input *input, uint64_t size)
{
  const unsigned char *bytes;

  return size % BLOCK_SIZE == 0 ||
         unpack_input_take (input, BLOCK_SIZE - (size_t) (size % BLOCK_SIZE), &bytes);
}

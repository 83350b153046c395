/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* On the wire, integers in big-endian:
 *   hello   the mark of 16 bytes, a nonce of 8
 *   frame   connection (4), kind (1), length (4), as many bytes
 * A frame opens a connection (kind 1, guest to host), has bytes of it (2, at most 16 KiB), gives
 * credit for so many bytes more (3), or closes it both ways (4). Each direction of a connection
 * begins with 64 KiB of credit. The guest gives what it took back at once when nothing more comes:
 * by that the host knows that its agent lives.
 *
 * A session begins with a hello of the host's, which the guest sends back; whatever was before it
 * is gone on both sides. The host sends one when it connects to the port, since its predecessor
 * may have died within a frame, and when the guest asks for it, by a hello with the nonce 0. So
 * the mark is looked for in all that comes, also within frames. It cannot be in what is carried:
 * it is no UTF-8. What was taken for a frame's before it turned out to be a mark has gone to a
 * connection that ends with it, in which it ended no event and no answer.
 *
 * What the host sends is held against all of this. Who breaks it has lost his place: the guest
 * asks for a new session. */

#include "mux.h"

#include <endian.h>
#include <string.h>

static const char mark[MUX_MARK_LENGTH + 1] = "\xf5\xff"
                                              "vmd-channel"
                                              "\xff\xfe\xfd";

/* Kept free for frames that must go: more than all connections can need at once. */
#define OUTPUT_RESERVE 1024

void
mux_begin (struct mux *mux, void (*began) (void *user), void *user)
{
  memset (mux, 0, sizeof *mux);
  mux->began = began;
  mux->user = user;
}

static struct mux_connection *
find (struct mux *mux, uint32_t id)
{
  for (size_t i = 0; i < MUX_MAX_CONNECTIONS; i++)
    if (mux->connections[i].id == id)
      return &mux->connections[i];

  return NULL;
}

static void
put (struct mux *mux, const void *bytes, size_t length)
{
  if (mux->output_start + mux->output_length + length > sizeof mux->output)
    {
      memmove (mux->output, mux->output + mux->output_start, mux->output_length);
      mux->output_start = 0;
    }
  memcpy (mux->output + mux->output_start + mux->output_length, bytes, length);
  mux->output_length += length;
}

static size_t
get_room (const struct mux *mux)
{
  return sizeof mux->output - mux->output_length;
}

static void
put_hello (struct mux *mux, uint64_t nonce)
{
  uint64_t bytes = htobe64 (nonce);

  put (mux, mark, MUX_MARK_LENGTH);
  put (mux, &bytes, sizeof bytes);
}

static void
put_header (struct mux *mux, uint32_t id, enum mux_kind kind, uint32_t length)
{
  unsigned char header[MUX_HEADER_LENGTH];
  uint32_t big = htobe32 (id);

  memcpy (header, &big, 4);
  header[4] = (unsigned char) kind;
  big = htobe32 (length);
  memcpy (header + 5, &big, 4);
  put (mux, header, sizeof header);
}

/* Ends a connection of the host's doing. */
static void
end (struct mux_connection *connection)
{
  const struct mux_user *functions = connection->functions;
  void *user = connection->user;

  memset (connection, 0, sizeof *connection);
  functions->ended (user);
}

/* There is no host any more: all connections end, and what was to go does not. */
void
mux_reset (struct mux *mux)
{
  mux->has_session = false;
  mux->output_start = 0;
  mux->output_length = 0;
  mux->n_header = 0;
  mux->left = 0;
  for (size_t i = 0; i < MUX_MAX_CONNECTIONS; i++)
    if (mux->connections[i].id != 0)
      end (&mux->connections[i]);
}

/* Asks for a session, which replaces one that there is. */
void
mux_ask (struct mux *mux)
{
  mux_reset (mux);
  put_hello (mux, 0);
}

static void
take_hello (struct mux *mux)
{
  /* An ask of our own that somebody sent back. */
  if (mux->nonce == 0)
    return;

  mux_reset (mux);
  put_hello (mux, mux->nonce);
  mux->last_id = 0;
  mux->has_session = true;
  mux->began (mux->user);
}

/* Frames for what must go: there is room, or the host has not read for so long, while it sent so
 * much, that it is none. */
static bool
has_control_room (struct mux *mux)
{
  if (get_room (mux) >= MUX_HELLO_LENGTH + MUX_HEADER_LENGTH + 4)
    return true;

  mux_ask (mux);
  return false;
}

static void
take_credit (struct mux *mux, struct mux_connection *connection)
{
  uint32_t big, credit;

  memcpy (&big, mux->header + MUX_HEADER_LENGTH, 4);
  credit = be32toh (big);
  if (credit > MUX_MAX_CREDIT || connection->may_send + credit > MUX_MAX_CREDIT)
    {
      mux_ask (mux);
      return;
    }
  connection->may_send += credit;
  if (connection->was_full && connection->may_send > 0)
    {
      connection->was_full = false;
      connection->functions->writable (connection->user);
    }
}

/* What does the header say? For DATA @left is set. False: the host breaks the rules. */
static bool
take_header (struct mux *mux, uint32_t id, enum mux_kind kind, uint32_t length)
{
  struct mux_connection *connection = id != 0 ? find (mux, id) : NULL;

  if (id == 0 || id > mux->last_id)
    return false;
  switch (kind)
    {
    case MUX_DATA:
      if (length == 0 || length > MUX_MAX_DATA ||
          (connection != NULL && length > connection->may_come))
        return false;
      mux->left = length;
      if (connection != NULL)
        connection->may_come -= length;
      return true;
    case MUX_CREDIT:
      return length == 4;
    case MUX_CLOSE:
      if (length != 0)
        return false;
      if (connection != NULL)
        end (connection);
      return true;
    default:
      return false;
    }
}

static void
take_header_byte (struct mux *mux, unsigned char byte)
{
  uint32_t id, length;
  enum mux_kind kind;
  struct mux_connection *connection;

  mux->header[mux->n_header++] = byte;
  if (mux->n_header < MUX_HEADER_LENGTH)
    return;
  memcpy (&id, mux->header, 4);
  memcpy (&length, mux->header + 5, 4);
  id = be32toh (id);
  kind = (enum mux_kind) mux->header[4];
  if (mux->n_header == MUX_HEADER_LENGTH)
    {
      if (kind != MUX_CREDIT)
        mux->n_header = 0;
      if (!take_header (mux, id, kind, be32toh (length)))
        mux_ask (mux);
      return;
    }
  if (mux->n_header < MUX_HEADER_LENGTH + 4)
    return;

  mux->n_header = 0;
  connection = find (mux, id);
  if (connection != NULL)
    take_credit (mux, connection);
}

/* What was consumed may come again, told in portions of @least: a frame for each of the host's
 * would double the traffic. */
static void
give_credit (struct mux *mux, struct mux_connection *connection, uint32_t least)
{
  uint32_t credit = MUX_FIRST_CREDIT - connection->may_come;
  uint32_t big = htobe32 (credit);

  if (credit < least || !has_control_room (mux))
    return;

  put_header (mux, connection->id, MUX_CREDIT, 4);
  put (mux, &big, 4);
  connection->may_come += credit;
}

/* Bytes of the DATA frame that was begun. */
static void
take_data (struct mux *mux, const char *bytes, size_t length)
{
  uint32_t id;
  struct mux_connection *connection;

  memcpy (&id, mux->header, 4);
  id = be32toh (id);
  connection = find (mux, id);
  mux->left -= (uint32_t) length;
  if (connection == NULL)
    return;
  connection->functions->data (connection->user, bytes, length);

  /* The user may have closed it, and another may have its place. */
  if (connection->id == id && mux->left == 0)
    give_credit (mux, connection, MUX_FIRST_CREDIT / 2);
}

/* When nothing more has come, the host is told that all of it was taken: so it knows that somebody
 * is here who does. */
void
mux_acknowledge (struct mux *mux)
{
  for (size_t i = 0; mux->has_session && mux->left == 0 && i < MUX_MAX_CONNECTIONS; i++)
    if (mux->connections[i].id != 0)
      give_credit (mux, &mux->connections[i], 1);
}

/* Looks for the mark. True: @byte belongs to a hello, and to nothing else. */
static bool
take_hello_byte (struct mux *mux, unsigned char byte)
{
  bool is_of_nonce = mux->n_nonce > 0;

  /* The mark's first byte is in it once, so a new beginning can only be here. */
  if (byte != (unsigned char) mark[mux->n_mark])
    mux->n_mark = 0;
  if (byte == (unsigned char) mark[mux->n_mark])
    mux->n_mark++;

  if (mux->n_mark == MUX_MARK_LENGTH)
    {
      mux->n_mark = 0;
      mux->n_nonce = sizeof mux->nonce;
      return true;
    }
  if (!is_of_nonce)
    return false;

  mux->nonce = mux->nonce << 8 | byte;
  if (--mux->n_nonce == 0)
    take_hello (mux);
  return true;
}

/* How many of the bytes are of the DATA frame that was begun, and cannot be of a mark. */
static size_t
count_plain (const struct mux *mux, const char *bytes, size_t length)
{
  const char *found;

  if (mux->left == 0 || mux->n_mark > 0 || mux->n_nonce > 0)
    return 0;
  if (length > mux->left)
    length = mux->left;
  found = memchr (bytes, mark[0], length);

  return found != NULL ? (size_t) (found - bytes) : length;
}

void
mux_take (struct mux *mux, const char *bytes, size_t length)
{
  while (length > 0)
    {
      size_t n = mux->has_session ? count_plain (mux, bytes, length) : 0;

      if (n > 0)
        take_data (mux, bytes, n);
      else
        {
          n = 1;
          if (!take_hello_byte (mux, (unsigned char) *bytes) && mux->has_session)
            {
              if (mux->left > 0)
                take_data (mux, bytes, 1);
              else
                take_header_byte (mux, (unsigned char) *bytes);
            }
        }
      bytes += n;
      length -= n;
    }
}

/* NULL: there is no session, or the connections are too many. */
struct mux_connection *
mux_open (struct mux *mux, const struct mux_user *functions, void *user)
{
  struct mux_connection *connection = mux->has_session ? find (mux, 0) : NULL;

  if (connection == NULL || !has_control_room (mux))
    return NULL;

  connection->mux = mux;
  connection->id = ++mux->last_id;
  connection->functions = functions;
  connection->user = user;
  connection->may_send = MUX_FIRST_CREDIT;
  connection->may_come = MUX_FIRST_CREDIT;
  put_header (mux, connection->id, MUX_OPEN, 0);
  return connection;
}

/* Returns how many bytes went; where that is not all, the user is told when more can. */
size_t
mux_send (struct mux_connection *connection, const char *bytes, size_t length)
{
  struct mux *mux = connection->mux;
  size_t sent = 0;

  while (sent < length)
    {
      size_t room = get_room (mux);
      size_t n = length - sent;

      if (room <= OUTPUT_RESERVE + MUX_HEADER_LENGTH || connection->may_send == 0)
        break;
      room -= OUTPUT_RESERVE + MUX_HEADER_LENGTH;
      n = n < room ? n : room;
      n = n < connection->may_send ? n : connection->may_send;
      n = n < MUX_MAX_DATA ? n : MUX_MAX_DATA;
      put_header (mux, connection->id, MUX_DATA, (uint32_t) n);
      put (mux, bytes + sent, n);
      connection->may_send -= (uint32_t) n;
      sent += n;
    }

  connection->was_full = sent < length;
  return sent;
}

/* The user is told nothing more. */
void
mux_close (struct mux_connection *connection)
{
  struct mux *mux = connection->mux;
  uint32_t id = connection->id;

  memset (connection, 0, sizeof *connection);
  if (has_control_room (mux))
    put_header (mux, id, MUX_CLOSE, 0);
}

/* So many bytes of the output have gone. */
void
mux_sent (struct mux *mux, size_t length)
{
  mux->output_start += length;
  mux->output_length -= length;
  if (mux->output_length == 0)
    mux->output_start = 0;
  for (size_t i = 0; i < MUX_MAX_CONNECTIONS; i++)
    {
      struct mux_connection *connection = &mux->connections[i];

      if (!connection->was_full || connection->may_send == 0)
        continue;
      connection->was_full = false;
      connection->functions->writable (connection->user);
    }
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ten thousand devices in one thread: what channel-load's files share. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _Load Load;

typedef enum
{
  LINK_CONNECTING, /* nothing is sent yet */
  LINK_GREETED, /* waits for its first snapshot */
  LINK_LIVE, /* has had it */
  LINK_OVER, /* closed by the server, or failed */
} LinkState;

/* A connection: of a device, or one that carries errands. */
typedef struct
{
  Load *load;
  int fd; /* -1: none */
  gboolean is_errand;
  guint n_asked; /* errands under way */
  LinkState state;
  gboolean stops; /* nobody reads it once it has its first snapshot */
  gboolean has_header; /* HTTP's has been read */
  gboolean was_superseded; /* was told so */
  guint device;
  gint64 began; /* monotonic microseconds: of the connection, or of the errand under way */
  gint64 received; /* when the last snapshot came */
  guint64 version; /* its version, or the number in it */
  GByteArray *rest; /* (nullable) of a message, whose end has not come */
  GByteArray *unsent; /* (nullable) */
} Link;

typedef enum
{
  ERRAND_ADD_GROUP,
  ERRAND_ADD_DEVICE,
  ERRAND_ADD_TOKEN,
  ERRAND_JOIN_GROUP,
  ERRAND_FILL, /* `size` bytes of values */
  ERRAND_SET, /* one value of the device: `number` */
  ERRAND_SET_GROUP, /* one value of the group: `number` */
} ErrandKind;

typedef struct
{
  ErrandKind kind;
  guint device;
  gsize size;
  guint64 number;
} Errand;

/* What the server is spoken to in. */
typedef struct
{
  const char *name;
  /* Appends what a device says first. */
  void (*greet) (Load *load, Link *link, GByteArray *out);
  /* FALSE: there is no such thing to do. */
  gboolean (*ask) (Load *load, const Errand *errand, GByteArray *out);
  /* What an errand's link says first, if anything. */
  void (*greet_errands) (Load *load, GByteArray *out);
  /* (nullable) Appends what a device says to show that it is there. */
  void (*ping) (GByteArray *out);
  /* Takes whole messages out of @data and tells of them; how many bytes these were. */
  gsize (*take) (Load *load, Link *link, const char *data, gsize length);
  guint n_errands; /* links that carry errands, at most */
  gboolean pipelines; /* each carries several at once */
} Protocol;

extern const Protocol protocol_sse;
extern const Protocol protocol_mqtt;
extern const Protocol protocol_bus;
extern const Protocol protocol_comment;

/* What a measurement wants to hear of; each may be NULL. */
typedef struct
{
  void (*welcomed) (Load *load, Link *link); /* its first snapshot has come */
  void (*updated) (Load *load, Link *link); /* another one has */
  void (*ended) (Load *load, Link *link); /* it is over; welcomed or not */
  void (*answered) (Load *load, Link *link, gboolean done); /* an errand's, with its version */
} Listener;

struct _Load
{
  const Protocol *protocol;
  const Listener *listener;
  gpointer data; /* the listener's */
  guint16 port;
  const char *path; /* (nullable) of a socket, instead of the port */
  const char *administrator; /* his token */
  int epoll_fd;
  char **tokens; /* of the devices, as they were answered */
  gsize filled; /* bytes of values that each device has */
  guint n_devices;
  Link *fleet; /* one for each device */
  guint n_fleet; /* the first so many are connected */
  guint keep_alive; /* seconds between a device's pings; 0: there are none */
  Link *errands;
  guint n_errands;
  guint64 counter; /* of numbers that were set */
  guint64 n_failures; /* connections and errands */
  gboolean has_input; /* a command waits */
};

/* load-link.c */
#define LOAD_PATIENCE 60 /* seconds without any event: hung */
void load_watch_input (Load *load, int fd);
void load_turn (Load *load, int seconds);
void load_turn_until (Load *load, gint64 time);
gboolean link_open (Link *link);
void link_send (Link *link, const GByteArray *out);
void link_read (Link *link);
void link_close (Link *link);
void link_received (Link *link, guint64 version);
void link_ended (Link *link);
void link_answered (Link *link, guint64 version, gboolean done);

/* load-errand.c */
typedef void (*ErrandMaker) (Load *load, guint index, Errand *errand);
gint64 load_run_errands (Load *load, guint count, guint in_flight, ErrandMaker make);
void load_ask (Load *load, Link *link, const Errand *errand);
Link *load_get_errand_link (Load *load, guint index);
void load_provide (Load *load, guint n_devices, gsize size);
void load_know (Load *load, guint n_devices);

/* load-fleet.c */
void load_connect (Load *load, guint count, guint in_flight);
void load_drop (Load *load);
void load_move (Load *load, guint port);
void load_storm (Load *load, guint in_flight);
void load_group (Load *load);
void load_latency (Load *load, guint count);
void load_sets (Load *load, guint count, guint in_flight);
void load_keep_alive (Load *load, guint seconds);
void load_idle (Load *load, guint seconds);

/* load-takeover.c */
void load_take_over (Load *load, guint count, guint in_flight, guint n_ids);
void load_take_over_blocked (Load *load, guint rounds);

/* load-report.c */
typedef struct
{
  GArray *times; /* of gint64, microseconds */
} Times;

void times_init (Times *times);
void times_add (Times *times, gint64 microseconds);
void times_report (Times *times, const char *name);
void times_clear (Times *times);
void report_begin (const char *command);
void report_number (const char *name, double value);
void report_end (void);

G_END_DECLS

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the initramfs has the seed's files, and where they lie in the running guest. */
#define SEED_DIRECTORY "/seed"
#define SEED_RUN_DIRECTORY "/run/vmd"
/* There once all of the seed is applied. */
#define SEED_PROVISIONED SEED_RUN_DIRECTORY "/provisioned"

#define SEED_MAX_NICS 8
#define SEED_MAX_RESOLVERS 3
#define SEED_MAX_DEVICE 64
#define SEED_MAX_CHANNEL 127

struct seed_nic
{
  char mac[18]; /* lower case, as the kernel writes it */
  struct in_addr address;
  struct in_addr netmask;
  struct in_addr gateway; /* 0.0.0.0: none */
};

struct seed
{
  char hostname[64];
  char machine_id[33];
  char ssh_server[16]; /* "dropbear", "openssh", "none" */
  int64_t clock; /* the host's, in µs since 1970, when the seed was written; 0: not told */
  struct seed_nic nics[SEED_MAX_NICS];
  size_t n_nics;
  char resolvers[SEED_MAX_RESOLVERS][INET_ADDRSTRLEN];
  size_t n_resolvers;
  /* The configuration channel: who this is there, where it is, and what shows it. "": not told. */
  char device[SEED_MAX_DEVICE + 1];
  char channel_url[SEED_MAX_CHANNEL + 1];
  char channel_token[SEED_MAX_CHANNEL + 1];
};

bool seed_parse (char *text, struct seed *seed);
bool seed_load (struct seed *seed);

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One program, several commands: each is called with its own arguments (argv[0] is its name) and
 * returns the exit status. What vmd needs in a guest thus does not depend on what the image has. */

int applet_init (int argc, char **argv);
int applet_agent (int argc, char **argv);
int applet_config (int argc, char **argv);
int applet_unpack (int argc, char **argv);
int applet_hangup (int argc, char **argv);
int applet_poweroff (int argc, char **argv);
int applet_standby (int argc, char **argv);
int applet_version (int argc, char **argv);

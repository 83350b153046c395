/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The applet as a program of its own, built as the tests are: with sanitizers, if they are. */

#include "subprojects/vmd-guest/applets.h"

int
main (int argc, char **argv)
{
  return applet_unpack (argc, argv);
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of rows share: a database without a store around it. */

#include "store-support.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210"

typedef struct
{
  Fixture base;
  sqlite3 *db;
} RowFixture;

void row_fixture_set_up (RowFixture *fixture, gconstpointer data);
void row_fixture_tear_down (RowFixture *fixture, gconstpointer data);
#define ADD(name, func)                                                                            \
  g_test_add (name, RowFixture, NULL, row_fixture_set_up, func, row_fixture_tear_down)

#define assert_fails(expression, expected)                                                         \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) error = NULL;                                                               \
                                                                                                   \
    g_assert_false (expression);                                                                   \
    g_assert_error (error, VMD_ERROR, expected);                                                   \
  }                                                                                                \
  G_STMT_END

#define assert_succeeds(expression)                                                                \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) error = NULL;                                                               \
                                                                                                   \
    if (!(expression))                                                                             \
      g_assert_no_error (error);                                                                   \
    g_assert_null (error);                                                                         \
  }                                                                                                \
  G_STMT_END

VmdVmRow *load_vm (sqlite3 *db, const char *id);
void put_image (sqlite3 *db, const char *name, const char *digest);
void insert_vm_from (sqlite3 *db, const char *id, const char *name, const char *image,
                     const char *kernel);

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "row-support.h"

#include "store/vmd-store-database-private.h"

void
row_fixture_set_up (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture_set_up (&fixture->base, data);
  fixture->db = vmd_store_database_open (fixture->base.database, &error);
  g_assert_no_error (error);
}

/* Closing says whether a statement was left open. */
void
row_fixture_tear_down (RowFixture *fixture, gconstpointer data)
{
  g_assert_cmpint (sqlite3_close (fixture->db), ==, SQLITE_OK);
  fixture_tear_down (&fixture->base, data);
}

VmdVmRow *
load_vm (sqlite3 *db, const char *id)
{
  g_autoptr (GError) error = NULL;
  VmdVmRow *row = vmd_vm_row_load (db, id, &error);

  g_assert_no_error (error);
  return row;
}

void
put_image (sqlite3 *db, const char *name, const char *digest)
{
  const VmdImageRow row = {
    .name = (char *) name,
    .digest = (char *) digest,
    .size = 5,
    .virtual_size = 6,
    .source = (char *) "tiny",
    .ssh_server = (char *) "dropbear",
    .created = 9,
  };

  assert_succeeds (vmd_image_row_put (db, &row, &error));
}

void
insert_vm_from (sqlite3 *db, const char *id, const char *name, const char *image,
                const char *kernel)
{
  g_autoptr (VmdVmRow) row = new_vm (id, name);

  row->image_name = g_strdup ("tiny");
  row->image = g_strdup (image);
  row->kernel = g_strdup (kernel);
  assert_succeeds (vmd_vm_row_insert (db, row, &error));
}

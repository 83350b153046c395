/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

/* One device: its values, versions, schema, history and reports. */

#define ANY VMD_CONFIG_ANY_VERSION

static VmdDevice *
add (Fixture *fixture, const char *id)
{
  g_autoptr (GError) error = NULL;
  VmdDevice *device = add_device (fixture->manager, id, NULL, &error);

  g_assert_no_error (error);
  return device;
}

static void
count_cb (gpointer emitter, gpointer object, guint *count)
{
  (*count)++;
}

static void
test_birth_and_end (Fixture *fixture, gconstpointer data)
{
  guint added = 0, removed = 0;
  g_autoptr (VmdDevice) device = NULL;
  g_autoptr (VmdDevice) found = NULL;

  g_signal_connect (fixture->manager, "device-added", G_CALLBACK (count_cb), &added);
  g_signal_connect (fixture->manager, "device-removed", G_CALLBACK (count_cb), &removed);
  device = add (fixture, "sensor-1");
  g_assert_cmpstr (vmd_device_get_id (device), ==, "sensor-1");
  g_assert_false (vmd_device_is_guest (device));
  g_assert_false (vmd_device_is_connected (device));
  g_assert_cmpuint (vmd_device_get_version (device), >, 0);
  assert_values (device, "{}");
  found = vmd_manager_find_device (fixture->manager, "sensor-1", NULL);
  g_assert_true (found == device);
  assert_good (remove_device (device, &error));
  g_assert_true (vmd_device_is_gone (device));
  assert_refused (vmd_manager_find_device (fixture->manager, "sensor-1", &error) != NULL,
                  VMD_ERROR_NOT_FOUND);
  assert_refused (patch (device, "{\"a\":1}", ANY, &error) != 0, VMD_ERROR_NOT_FOUND);
  assert_refused (remove_device (device, &error), VMD_ERROR_NOT_FOUND);
  assert_refused (set_schema (device, NULL, &error), VMD_ERROR_NOT_FOUND);
  assert_refused (report (device, 1, "ok", NULL, &error), VMD_ERROR_NOT_FOUND);
  assert_refused (list_history (device, 5, &error) != NULL, VMD_ERROR_NOT_FOUND);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (added, ==, 1);
  g_assert_cmpuint (removed, ==, 1);
}

static void
test_ids (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = { "", "-a", "A", "a_b", "0123456789abcdef0123456789abcdef" };
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "web");
  g_autoptr (VmdDevice) device = add (fixture, "db");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();

  g_assert_nonnull (vm);
  g_assert_cmpstr (vmd_device_get_id (device), ==, "db");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (add_device (fixture->manager, bad[i], NULL, &error) != NULL,
                    VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (add_device (fixture->manager, "db", NULL, &error) != NULL, VMD_ERROR_EXISTS);
  assert_refused (add_device (fixture->manager, "web", NULL, &error) != NULL, VMD_ERROR_EXISTS);
  vmd_vm_spec_set_name (spec, "db");
  assert_refused (vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error) != NULL,
                  VMD_ERROR_EXISTS);
}

static void
test_changes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  guint64 first, second, third;

  first = patch (device, "{\"b\": 2, \"a\": \"x\"}", ANY, NULL);
  g_assert_cmpuint (first, ==, vmd_device_get_version (device));
  assert_values (device, "{\"a\":\"x\",\"b\":2}");
  assert_own_values (device, "{\"a\":\"x\",\"b\":2}");
  second = patch (device, "{\"a\":null,\"c\":[1,2]}", first, NULL);
  g_assert_cmpuint (second, >, first);
  assert_values (device, "{\"b\":2,\"c\":[1,2]}");
  /* What changes nothing is no change. */
  g_assert_cmpuint (patch (device, "{\"b\":2}", ANY, NULL), ==, second);
  third = replace (device, "{\"z\":true}", NULL);
  g_assert_cmpuint (third, >, second);
  assert_values (device, "{\"z\":true}");
  assert_refused (patch (device, "{\"a\":1}", second, &error) != 0, VMD_ERROR_CONFLICT);
  assert_refused (patch (device, "[]", ANY, &error) != 0, VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (patch (device, "{\"a\":{}}", ANY, &error) != 0, VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (patch (device, "{\"a b\":1}", ANY, &error) != 0, VMD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (vmd_device_get_version (device), ==, third);
  assert_values (device, "{\"z\":true}");
}

static void
test_author (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autofree char *long_name = g_strnfill (257, 'x');

  assert_refused (vmd_device_change_config (device, VMD_CONFIG_CHANGE_PATCH, "{\"a\":1}", ANY,
                                            long_name, NULL, &error) != 0,
                  VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (vmd_device_change_config (device, VMD_CONFIG_CHANGE_PATCH, "{\"a\":1}", ANY,
                                            "\xff", NULL, &error) != 0,
                  VMD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (vmd_device_change_config (device, VMD_CONFIG_CHANGE_PATCH, "{\"a\":1}", ANY,
                                              NULL, NULL, NULL),
                    >, 0);
}

/* Of writers that all expect one version, one succeeds, each time. */
typedef struct
{
  VmdDevice *device;
  guint number;
  guint n_wins;
} Writer;

static gpointer
write_often (gpointer data)
{
  Writer *writer = data;

  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"last\":%u}", writer->number * 1000 + i);
      guint64 version = vmd_device_get_version (writer->device);
      g_autoptr (GError) error = NULL;

      if (vmd_device_change_config (writer->device, VMD_CONFIG_CHANGE_PATCH, json, version, "w",
                                    NULL, &error) != 0)
        writer->n_wins++;
      else
        assert_vmd_error (error, VMD_ERROR_CONFLICT);
    }
  return NULL;
}

static void
test_two_writers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdDevice) same = wait_for_device (other, "a");
  Writer writers[3] = { { device, 1, 0 }, { device, 2, 0 }, { same, 3, 0 } };
  g_autoptr (GListModel) history = NULL;
  g_autoptr (VmdConfigRevision) newest = NULL;
  GThread *threads[3];
  guint n_wins = 0;

  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    threads[i] = g_thread_new ("writer", write_often, &writers[i]);
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      g_thread_join (threads[i]);
      n_wins += writers[i].n_wins;
    }
  /* One for each that was told so, and the beginning. */
  history = list_history (device, 1000, NULL);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, n_wins + 1);
  g_assert_cmpuint (n_wins, >=, 100);
  /* Whoever comes last is seen by both, by the other process's eyes a moment later. */
  newest = g_list_model_get_item (history, 0);
  wait_for_version (device, vmd_config_revision_get_version (newest));
  wait_for_version (same, vmd_config_revision_get_version (newest));
  g_clear_object (&same);
  vmd_manager_close (other);
}

#define SCHEMA                                                                                     \
  "{\"fields\":{\"name\":{\"type\":\"string\",\"required\":true},"                                 \
  "\"interval\":{\"type\":\"integer\",\"minimum\":1,\"default\":60}}}"

static void
test_schema (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = NULL;
  g_autofree char *schema = NULL;
  guint64 version;

  assert_refused (add_device (fixture->manager, "a", "{\"fields\":7}", &error) != NULL,
                  VMD_ERROR_INVALID_ARGUMENT);
  device = add_device (fixture->manager, "a", SCHEMA, NULL);
  schema = vmd_device_dup_schema (device);
  g_assert_nonnull (schema);
  assert_values (device, "{\"interval\":60}");
  assert_own_values (device, "{}");
  assert_refused (patch (device, "{\"interval\":5}", ANY, &error) != 0, VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (patch (device, "{\"name\":\"n\",\"interval\":0}", ANY, &error) != 0,
                  VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (patch (device, "{\"name\":\"n\",\"other\":0}", ANY, &error) != 0,
                  VMD_ERROR_INVALID_ARGUMENT);
  version = patch (device, "{\"name\":\"n\"}", ANY, NULL);
  assert_values (device, "{\"interval\":60,\"name\":\"n\"}");
  assert_own_values (device, "{\"name\":\"n\"}");
  assert_refused (set_schema (device, "{\"fields\":{\"name\":{\"type\":\"integer\"}}}", &error),
                  VMD_ERROR_INVALID_ARGUMENT);
  assert_good (set_schema (device, SCHEMA, &error));
  g_assert_cmpuint (vmd_device_get_version (device), ==, version);
  assert_good (set_schema (device, NULL, &error));
  g_assert_null (vmd_device_dup_schema (device));
  assert_values (device, "{\"name\":\"n\"}");
  g_assert_cmpuint (vmd_device_get_version (device), >, version);
}

static void
assert_revision (GListModel *history, guint i, guint64 version, const char *note,
                 const char *values)
{
  g_autoptr (VmdConfigRevision) revision = g_list_model_get_item (history, i);

  g_assert_cmpuint (vmd_config_revision_get_version (revision), ==, version);
  g_assert_cmpstr (vmd_config_revision_get_note (revision), ==, note);
  g_assert_cmpstr (vmd_config_revision_get_values (revision), ==, values);
  g_assert_null (vmd_config_revision_get_group (revision));
  g_assert_cmpint (vmd_config_revision_get_time (revision), >, 0);
}

static void
test_history (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autoptr (VmdConfigRevision) newest = NULL;
  g_autoptr (GListModel) history = NULL;
  g_autofree char *note = NULL;
  guint64 birth = vmd_device_get_version (device);
  guint64 first, second, back;

  first = patch (device, "{\"a\":1}", ANY, NULL);
  second = patch (device, "{\"a\":2}", ANY, NULL);
  back = roll_back (device, first, NULL);
  g_assert_cmpuint (back, >, second);
  assert_values (device, "{\"a\":1}");
  history = list_history (device, 10, NULL);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, 4);
  note = g_strdup_printf ("rolled back to %" G_GUINT64_FORMAT, first);
  assert_revision (history, 0, back, note, "{\"a\":1}");
  assert_revision (history, 1, second, "", "{\"a\":2}");
  assert_revision (history, 2, first, "", "{\"a\":1}");
  assert_revision (history, 3, birth, "created", "{}");
  newest = g_list_model_get_item (history, 0);
  g_assert_cmpstr (vmd_config_revision_get_author (newest), ==, "a test");
  g_clear_object (&history);
  history = list_history (device, 2, NULL);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, 2);
  assert_refused (roll_back (device, back + 1, &error) != 0, VMD_ERROR_NOT_FOUND);
  assert_refused (roll_back (device, birth - 1, &error) != 0, VMD_ERROR_NOT_FOUND);
  g_assert_cmpuint (roll_back (device, birth, NULL), >, back);
  assert_values (device, "{}");
}

static void
test_applied (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  guint64 version = patch (device, "{\"a\":1}", ANY, NULL);
  g_autofree char *long_message = g_strnfill (1025, 'x');
  g_autofree char *status = NULL;
  g_autofree char *message = NULL;

  g_assert_cmpuint (vmd_device_get_applied_version (device), ==, 0);
  assert_refused (report (device, version + 1, "ok", NULL, &error), VMD_ERROR_CONFLICT);
  assert_refused (report (device, 0, "ok", NULL, &error), VMD_ERROR_CONFLICT);
  assert_refused (report (device, version, "fine", NULL, &error), VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (report (device, version, "ok", long_message, &error), VMD_ERROR_INVALID_ARGUMENT);
  assert_good (report (device, version, "failed", "no such port", &error));
  g_assert_cmpuint (vmd_device_get_applied_version (device), ==, version);
  status = vmd_device_dup_applied_status (device);
  message = vmd_device_dup_applied_message (device);
  g_assert_cmpstr (status, ==, "failed");
  g_assert_cmpstr (message, ==, "no such port");
  g_assert_cmpint (vmd_device_get_applied_time (device), >, 0);
  /* It is no change of what the device is to have. */
  g_assert_cmpuint (vmd_device_get_version (device), ==, version);
}

/* A VM is a device from its birth, and gone with it. */
static void
test_guest (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "web");
  g_autoptr (VmdDevice) device = vmd_manager_find_device (fixture->manager, "web", NULL);
  g_autoptr (VmdDevice) same = vmd_manager_find_device (fixture->manager, vmd_vm_get_id (vm), NULL);
  g_autofree char *name = vmd_device_dup_name (device);

  g_assert_nonnull (device);
  g_assert_true (same == device);
  g_assert_true (vmd_device_is_guest (device));
  g_assert_cmpstr (vmd_device_get_id (device), ==, vmd_vm_get_id (vm));
  g_assert_cmpstr (name, ==, "web");
  g_assert_cmpuint (patch (device, "{\"a\":1}", ANY, NULL), >, 0);
  assert_refused (remove_device (device, &error), VMD_ERROR_WRONG_STATE);
  assert_good (vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error));
  g_assert_true (vmd_device_is_gone (device));
  assert_refused (vmd_manager_find_device (fixture->manager, "web", &error) != NULL,
                  VMD_ERROR_NOT_FOUND);
}

/* Two on one state directory see each other's changes, and a third one all of them. */
static void
test_two_processes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdDevice) device = add (fixture, "a");
  g_autoptr (VmdDevice) same = wait_for_device (other, "a");
  g_autoptr (VmdDevice) last = NULL;
  guint64 version;

  wait_for_version (same, patch (device, "{\"a\":1}", ANY, NULL));
  assert_values (same, "{\"a\":1}");
  version = patch (same, "{\"b\":2}", vmd_device_get_version (same), NULL);
  wait_for_version (device, version);
  assert_values (device, "{\"a\":1,\"b\":2}");
  g_clear_object (&same);
  vmd_manager_close (other);
  g_clear_object (&other);
  other = open_another (fixture);
  last = vmd_manager_find_device (other, "a", NULL);
  g_assert_cmpuint (vmd_device_get_version (last), ==, version);
  assert_values (last, "{\"a\":1,\"b\":2}");
  g_clear_object (&last);
  vmd_manager_close (other);
}

static void
test_signals (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "a");
  guint changed = 0, of_manager = 0;

  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_signal_connect_swapped (device, "changed", G_CALLBACK (g_atomic_int_inc), &changed);
  g_signal_connect (fixture->manager, "device-changed", G_CALLBACK (count_cb), &of_manager);
  patch (device, "{\"a\":1}", ANY, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (changed, ==, 1);
  g_assert_cmpuint (of_manager, ==, 1);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/device/birth-and-end", test_birth_and_end);
  add_test ("/device/ids", test_ids);
  add_test ("/device/changes", test_changes);
  add_test ("/device/author", test_author);
  add_test ("/device/two-writers", test_two_writers);
  add_test ("/device/schema", test_schema);
  add_test ("/device/history", test_history);
  add_test ("/device/applied", test_applied);
  add_test ("/device/guest", test_guest);
  add_test ("/device/two-processes", test_two_processes);
  add_test ("/device/signals", test_signals);
  return handles_test_run ();
}

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A claim: this verb is at work on this VM, for every process to see. */

#include "vmd-vm-private.h"

G_BEGIN_DECLS

typedef enum
{
  VMD_CLAIM_START,
  VMD_CLAIM_STOP,
  VMD_CLAIM_RESTART,
  VMD_CLAIM_DELETE,
  VMD_CLAIM_SET,
  VMD_CLAIM_KILL,
  VMD_N_CLAIMS
} VmdClaimVerb;

/* What an arriving verb does about the one that is at work. */
typedef enum
{
  VMD_ARRIVAL_WAITS, /* until that has ended, then goes on as if it came only now */
  VMD_ARRIVAL_JOINS, /* until that has ended, and has its outcome */
  VMD_ARRIVAL_CANCELS, /* asks it to end, waits until it has, then goes on */
  VMD_ARRIVAL_IS_REFUSED, /* BUSY */
} VmdArrival;

typedef struct _VmdClaim VmdClaim;

/* How it went with the verbs that were met on the way. */
typedef struct
{
  gboolean joined; /* another one did the work, well: there is no claim, and no error */
  gboolean cancelled; /* another one was ended first */
} VmdClaimMeeting;

/* What the verb is to find, looked at in the transaction that makes the claim. FALSE with an error:
 * no claim is made. */
typedef gboolean (*VmdClaimCheck) (const VmdVmRow *row, gboolean is_running,
                                   const VmdClaimMeeting *meeting, GError **error);

typedef struct
{
  VmdClaimVerb verb;
  gboolean force; /* delete only */
  VmdClaimCheck check; /* (nullable) */
} VmdClaimTerms;

/* vmd-vm-claim.c */
VmdClaim *vmd_claim_new (VmdVm *vm, const VmdClaimTerms *terms, VmdLock *lock, VmdVerb *verb,
                         VmdClaimMeeting *meeting, GError **error);
const VmdVmRow *vmd_claim_get_row (VmdClaim *self);
const VmdLaunchRow *vmd_claim_get_launch (VmdClaim *self);
gboolean vmd_claim_is_running (VmdClaim *self);
gboolean vmd_claim_clear_remains (VmdClaim *self, GError **error);
void vmd_claim_end (VmdClaim *self, const GError *outcome);
void vmd_claim_free (VmdClaim *self);
gboolean vmd_claim_check_record (VmdVm *vm, VmdClaimVerb verb, GError **error);
gboolean vmd_claim_is_live (const VmdTransitionRow *transition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdClaim, vmd_claim_free)

/* vmd-vm-claim-meet.c */
const char *vmd_claim_verb_to_string (VmdClaimVerb verb);
VmdArrival vmd_claim_get_arrival (VmdClaimVerb arriving, VmdClaimVerb claimed, gboolean force);
gboolean vmd_claim_meet (VmdVm *vm, const VmdClaimTerms *terms, const VmdTransitionRow *holder,
                         VmdVerb *verb, VmdClaimMeeting *meeting, GError **error);

G_END_DECLS

/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-channel.h"
#include "vmd-device-group.h"
#include "vmd-device.h"
#include "vmd-error.h"
#include "vmd-exec.h"
#include "vmd-image.h"
#include "vmd-job.h"
#include "vmd-kernel.h"
#include "vmd-lock.h"
#include "vmd-manager.h"
#include "vmd-source.h"
#include "vmd-vm-spec.h"
#include "vmd-vm.h"
#include "vmd-workspace.h"

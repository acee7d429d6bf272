// SPDX-License-Identifier: Apache-2.0
// The parts of libsystemd that serverd uses.
#pragma once
// Otherwise sd_journal_* become macros, which Swift cannot import.
#define SD_JOURNAL_SUPPRESS_LOCATION 1
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

# SPDX-License-Identifier: Apache-2.0
"""Whether anything else runs on the machine: figures taken beside a compiler are figures of the compiler."""

import time
from pathlib import Path

BUSY_SHARE = 0.15
SAMPLE_SECONDS = 0.25
WAIT_SECONDS = 20


def _busy_and_total():
    times = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = times[3] + times[4]
    return sum(times) - idle, sum(times)


def is_quiet():
    """Whether the processors were mostly idle for a moment, in which the benchmark itself does nothing."""
    busy, total = _busy_and_total()
    time.sleep(SAMPLE_SECONDS)
    busy_after, total_after = _busy_and_total()
    return busy_after - busy <= BUSY_SHARE * (total_after - total)


def await_quiet():
    """Waits a while for the machine to become quiet."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_quiet() and time.monotonic() < deadline:
        pass

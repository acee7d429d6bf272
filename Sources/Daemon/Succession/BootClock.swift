// SPDX-License-Identifier: Apache-2.0
// The clock by which the kernel tells when processes were started.

internal import Glibc

/// The time since the machine was booted, with what it slept: the same for every process, and for /proc.
enum BootClock {
    /// The time at this moment.
    static var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

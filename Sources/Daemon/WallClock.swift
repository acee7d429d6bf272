// SPDX-License-Identifier: Apache-2.0
// The time of the calendar, as the manager interface gives it.

internal import Glibc

/// The time of the calendar.
enum WallClock {
    /// Microseconds since the Unix epoch.
    static var microseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Microseconds since the Unix epoch, `duration` from now.
    static func microseconds(in duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return microseconds + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

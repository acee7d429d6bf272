// SPDX-License-Identifier: Apache-2.0
// The time of the calendar, as logs and the manager interface give it.

internal import Glibc

/// The time of the calendar.
package enum WallClock {
    /// The time since the Unix epoch.
    package static var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Microseconds since the Unix epoch.
    package static var microseconds: Int64 { now.wholeMicroseconds }

    /// Microseconds since the Unix epoch, `duration` from now.
    package static func microseconds(in duration: Duration) -> Int64 { (now + duration).wholeMicroseconds }
}

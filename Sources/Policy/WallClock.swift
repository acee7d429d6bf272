// SPDX-License-Identifier: Apache-2.0
// The time of the calendar, as logs and the manager interface give it.

internal import Glibc

/// The time of the calendar.
package enum WallClock {
    /// The time since the Unix epoch.
    package static var now: Duration {
        // As two numbers: which module the members of `timespec` are found in depends on how the library is linked.
        var time = (seconds: 0, nanoseconds: 0)
        withUnsafeMutablePointer(to: &time) { pointer in
            pointer.withMemoryRebound(to: timespec.self, capacity: 1) { _ = clock_gettime(CLOCK_REALTIME, $0) }
        }
        return .seconds(time.seconds) + .nanoseconds(time.nanoseconds)
    }

    /// Microseconds since the Unix epoch.
    package static var microseconds: Int64 { now.wholeMicroseconds }

    /// Microseconds since the Unix epoch, `duration` from now.
    package static func microseconds(in duration: Duration) -> Int64 { (now + duration).wholeMicroseconds }
}

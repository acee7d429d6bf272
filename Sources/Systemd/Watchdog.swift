// SPDX-License-Identifier: Apache-2.0
// Whether the service manager watches us, and how often it wants to hear that we are alive.

internal import CSystemd
internal import Descriptors
package import SystemPackage

/// The service manager's watchdog: it ends and restarts a daemon that it has not heard of for the timeout.
///
/// The main loop's timer sends ``NotifyMessage/Assignment/alive``, so that the message proves that the loop turns; no
/// other thread may send it by itself.
package struct Watchdog: Hashable, Sendable {
    /// How long the manager waits for a sign of life.
    package let timeout: Duration

    /// A watchdog with this timeout.
    package init(timeout: Duration) {
        self.timeout = timeout
    }

    /// The time from one sign of life to the next: half of the timeout, as sd_watchdog_enabled(3) advises.
    package var interval: Duration { timeout / 2 }

    /// The watchdog that `WATCHDOG_USEC` and `WATCHDOG_PID` announce to this process, or nil.
    ///
    /// - Throws: the errno with which sd_watchdog_enabled(3) refuses malformed variables.
    package static func announced() throws(Errno) -> Watchdog? {
        var microseconds: UInt64 = 0
        let isEnabled = try Errno.check(libsystemd: sd_watchdog_enabled(0, &microseconds)) > 0
        return isEnabled ? Watchdog(timeout: .microseconds(microseconds)) : nil
    }
}

// SPDX-License-Identifier: Apache-2.0
// Where an event loop's time comes from: the system, or a test's hand.

internal import Glibc

/// The time that an event loop's timers follow.
package protocol LoopClock: AnyObject, Sendable {
    /// The time since some fixed moment; never runs backwards.
    var now: Duration { get }
    /// Whether the loop must wake up by itself when a timer is due. A manual clock says when, by
    /// ``EventLoop/fireDueTimers()``.
    var advancesByItself: Bool { get }
}

/// The system's monotonic clock.
package final class MonotonicClock: LoopClock {
    /// The one kind there is.
    package init() {}

    /// The time since the machine was started, without what it slept.
    package var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// True.
    package var advancesByItself: Bool { true }
}

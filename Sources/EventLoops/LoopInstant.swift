// SPDX-License-Identifier: Apache-2.0
// A moment on an event loop's clock, for policies that take any clock's instants.

/// A moment on an event loop's clock.
package struct LoopInstant: InstantProtocol, Hashable, Sendable {
    /// The time since the clock's fixed moment.
    package let time: Duration

    /// The moment at `time` since the clock's fixed one.
    package init(_ time: Duration) {
        self.time = time
    }

    /// The moment `duration` later.
    package func advanced(by duration: Duration) -> LoopInstant { LoopInstant(time + duration) }

    /// How much later `other` is.
    package func duration(to other: LoopInstant) -> Duration { other.time - time }

    /// Which of two is earlier.
    package static func < (first: LoopInstant, second: LoopInstant) -> Bool { first.time < second.time }
}

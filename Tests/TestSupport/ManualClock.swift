// SPDX-License-Identifier: Apache-2.0
// A clock that moves only when a test says so.

package import EventLoops
internal import Synchronization

/// The time of a test: it stands still until ``advance(by:on:)``.
package final class ManualClock: LoopClock {
    private let time = Mutex(Duration.zero)

    /// Starts at zero.
    package init() {}

    /// The time it was moved to.
    package var now: Duration { time.withLock { $0 } }

    /// False: timers fire in ``advance(by:on:)``.
    package var advancesByItself: Bool { false }

    /// Moves the time forward and fires what became due, then lets the loop run until it has nothing left to do at
    /// once.
    package func advance(by step: Duration, on loop: EventLoop) async {
        time.withLock { $0 += step }
        await withCheckedContinuation { continuation in
            loop.execute {
                loop.fireDueTimers()
                continuation.resume()
            }
        }
        await settle(loop)
    }
}

/// Runs `body` as ``onLoop(clock:_:)`` does, on a loop whose time moves only when the test says so.
package func withManualClock<Result: Sendable>(
    _ body: @escaping @Sendable (EventLoop, ManualClock) async throws -> Result
) async throws -> Result {
    let clock = ManualClock()
    return try await onLoop(clock: clock) { try await body($0, clock) }
}

/// Waits until the jobs that are queued on the loop now, and a few generations of those that they queue, have run.
package func settle(_ loop: EventLoop) async {
    for _ in 0..<10 {
        await withCheckedContinuation { continuation in loop.execute { continuation.resume() } }
    }
}

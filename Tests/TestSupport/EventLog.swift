// SPDX-License-Identifier: Apache-2.0
// Records what happened, in order, and lets a test await the next thing.

internal import Synchronization

/// What happened, in order; written from any thread, read and awaited by a test.
package final class EventLog<Event: Sendable>: Sendable {
    private struct Waiter {
        let isSatisfied: ([Event]) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }
    // Safe: `isSatisfied` comes from the waiting test and is called under the lock only.
    private struct State: @unchecked Sendable {
        var events: [Event] = []
        var waiters: [Waiter] = []
    }
    private let state = Mutex(State())

    /// Nothing has happened.
    package init() {}

    /// All that happened so far.
    package var all: [Event] { state.withLock { $0.events } }

    /// Adds an event.
    package func append(_ event: Event) {
        let satisfied = state.withLock { state in
            state.events.append(event)
            let now = state.waiters.filter { $0.isSatisfied(state.events) }
            state.waiters.removeAll { $0.isSatisfied(state.events) }
            return now
        }
        for waiter in satisfied { waiter.continuation.resume() }
    }

    /// Waits until the events so far satisfy `condition`.
    package func wait(until condition: @escaping @Sendable ([Event]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isSatisfied = state.withLock { state in
                guard !condition(state.events) else { return true }
                state.waiters.append(Waiter(isSatisfied: condition, continuation: continuation))
                return false
            }
            if isSatisfied { continuation.resume() }
        }
    }

    /// Waits until there are `count` events.
    package func wait(forCount count: Int) async { await wait { $0.count >= count } }
}

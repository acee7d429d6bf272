// SPDX-License-Identifier: Apache-2.0
// What waits to be told to one caller: bounded, so that a slow one costs no more than itself.

internal import Synchronization

/// What waits to be told to a caller who reads slower than things happen.
///
/// Whatever happens is offered, without waiting; the handler of the call takes all that waits, sends it, and comes back.
///
/// | state | meaning | leaves it by |
/// |---|---|---|
/// | open | elements are taken in the order in which they were offered | the other two |
/// | overflowed | one element too many was offered: all that waited is dropped | |
/// | finished | what waits can still be taken, nothing comes any more | |
package final class ReplyQueue<Element: Sendable>: Sendable {
    private enum Phase {
        case open, overflowed, finished
    }

    private typealias Waiter = CheckedContinuation<Void, Never>

    private struct State {
        var phase = Phase.open
        var elements: [Element] = []
        var waiter: Waiter?

        /// Whether a taker need not wait.
        var isReady: Bool { phase != .open || !elements.isEmpty }
    }

    /// How many elements may wait.
    package let limit: Int
    private let state = Mutex(State())

    /// A queue in which at most `limit` elements wait, at least one.
    package init(limit: Int) {
        precondition(limit > 0, "a queue for nothing")
        self.limit = limit
    }

    /// Adds an element; from any thread, and without waiting.
    ///
    /// - Returns: false when it is one too many, or when the queue has overflowed or was finished before: the element
    ///   is dropped then.
    @discardableResult
    package func offer(_ element: Element) -> Bool {
        change { state in
            guard state.phase == .open else { return false }
            guard state.elements.count < limit else {
                state.phase = .overflowed
                state.elements = []
                return false
            }
            state.elements.append(element)
            return true
        }
    }

    /// Says that nothing more will come.
    ///
    /// Harmless when repeated.
    package func finish() {
        change { if $0.phase == .open { $0.phase = .finished } }
    }

    /// Takes all elements that wait, at least one, and waits for one if need be; `nil` at the end.
    ///
    /// One task at a time. A cancelled task gets what waits, and then `nil`.
    package func next() async throws(ReplyQueueOverflow) -> [Element]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                let isReady = state.withLock { state in
                    precondition(state.waiter == nil, "two tasks take from one queue")
                    // Cancellation is set before its handler is called, and that waits for this lock.
                    if state.isReady || Task.isCancelled { return true }
                    state.waiter = waiter
                    return false
                }
                if isReady { waiter.resume() }
            }
        } onCancel: {
            change(wakes: true) { _ in }
        }
        let (phase, elements) = state.withLock { state in
            defer { state.elements = [] }
            return (state.phase, state.elements)
        }
        guard phase != .overflowed else { throw ReplyQueueOverflow(limit: limit) }
        return elements.isEmpty ? nil : elements
    }

    /// Changes the state, and wakes the taker if it has something to take, or if it shall in any case.
    private func change<Result>(wakes: Bool = false, _ body: (inout State) -> sending Result) -> sending Result {
        let (result, waiter) = state.withLock { state in
            let result = body(&state)
            guard wakes || state.isReady else { return (result, Waiter?.none) }
            return (result, state.waiter.take())
        }
        waiter?.resume()
        return result
    }
}

/// More waited in a queue than may: whoever takes from it is too slow.
package struct ReplyQueueOverflow: Error, Hashable {
    /// How many may wait.
    package let limit: Int

    /// An overflow of a queue in which `limit` elements may wait.
    package init(limit: Int) {
        self.limit = limit
    }
}

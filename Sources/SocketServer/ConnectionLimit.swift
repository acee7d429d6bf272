// SPDX-License-Identifier: Apache-2.0
// The number of connections that one server, or several together, may have at a time.

internal import Synchronization

/// Room for a number of connections, which several servers may share.
///
/// A slot is taken before a connection is accepted, and given back after its socket is closed. When there is none,
/// servers that have a client waiting get the next ones in the order in which they found that out: each slot that is
/// given back goes to the first of them, and to nobody else.
public final class ConnectionLimit: Sendable {
    private struct State {
        var maximum: Int
        var taken = 0
        /// Nobody while a slot is free: what becomes free is given to them first.
        var waiters: [Waiter] = []
    }

    private struct Waiter {
        let owner: ObjectIdentifier
        let take: @Sendable () -> Void
    }

    private let state: Mutex<State>

    /// A limit of `maximum`, which must be at least 1.
    public init(_ maximum: Int) {
        precondition(maximum >= 1, "a connection limit must be at least 1, but is \(maximum)")
        state = Mutex(State(maximum: maximum))
    }

    /// The most connections at a time.
    public var maximum: Int { state.withLock { $0.maximum } }

    /// Changes the most connections at a time, to at least 1.
    ///
    /// Connections beyond a lower limit go on, and none is accepted until there are fewer. Slots that a higher one adds
    /// go to those who wait.
    package func setMaximum(_ maximum: Int) {
        precondition(maximum >= 1, "a connection limit must be at least 1, but is \(maximum)")
        let waiters = state.withLock { state in
            state.maximum = maximum
            let served = state.waiters.prefix(max(0, maximum - state.taken))
            state.waiters.removeFirst(served.count)
            state.taken += served.count
            return served
        }
        for waiter in waiters { waiter.take() }
    }

    /// How many slots are taken now.
    public var taken: Int { state.withLock { $0.taken } }

    /// Whether somebody who has a client waits for a slot.
    package var isAwaited: Bool { state.withLock { !$0.waiters.isEmpty } }

    /// Takes as many slots as are free, at most `count`.
    ///
    /// There is none while somebody waits: what is given back is that one's at once.
    func take(upTo count: Int) -> Int {
        state.withLock { state in
            let number = max(0, min(count, state.maximum - state.taken))
            state.taken += number
            return number
        }
    }

    /// Takes slots for connections that there are, whatever the limit.
    func takeForSurvivors(_ count: Int) { state.withLock { $0.taken += count } }

    /// Calls `take` once with a slot that is already the owner's: when one is given back, from that caller's thread.
    /// - Returns: false when a slot is free now; then nothing was arranged.
    func waitForSlot(_ owner: AnyObject, _ take: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            let identifier = ObjectIdentifier(owner)
            guard !state.waiters.contains(where: { $0.owner == identifier }) else { return true }
            guard state.taken >= state.maximum else { return false }
            state.waiters.append(Waiter(owner: identifier, take: take))
            return true
        }
    }

    /// Forgets that `owner` waits.
    func stopWaiting(_ owner: AnyObject) {
        state.withLock { state in state.waiters.removeAll { $0.owner == ObjectIdentifier(owner) } }
    }

    /// Gives `count` slots back; they go to those who wait, one each, in their order.
    func giveBack(_ count: Int = 1) {
        for _ in 0..<count {
            let waiter = state.withLock { state -> Waiter? in
                precondition(state.taken > 0, "a slot was given back twice")
                // Beyond a limit that was lowered nobody gets it.
                if state.taken <= state.maximum, !state.waiters.isEmpty { return state.waiters.removeFirst() }
                state.taken -= 1
                return nil
            }
            waiter?.take()
        }
    }
}

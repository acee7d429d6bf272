// SPDX-License-Identifier: Apache-2.0
// Whether a service is to listen, and what an event changes about that: a state machine, pure.

/// Whether a service is to listen.
///
/// | state | listeners | leaves it by |
/// |---|---|---|
/// | open | each listens, or is tried again | `beginDraining`, `handlerFailed`, `remainClosed`, `depart` |
/// | draining | those in their queues are served, then they are closed | `drained`, `depart` |
/// | closed | none; there may be connections that were left alone | `open`, `depart` |
/// | departing | as when draining; the service is in the configuration no more | nothing |
struct ServicePhase: Equatable, Sendable {
    /// The states, as the table has them.
    enum State: CaseIterable, Sendable {
        case open, draining, closed, departing
    }

    /// What is to be done about the listeners after an event.
    enum Action: Equatable, Sendable {
        case nothing
        /// No address is tried again; those in the queues are to be served, though the service be held.
        case drain
        /// No address is tried again, and whoever waits in a queue is refused.
        case close
    }

    /// The state at this moment.
    private(set) var state = State.open

    /// Whether it was told to close, by its name, and not to open again since: a drain of everything ends with a restart.
    private(set) var isToldToClose = false

    /// Why it has closed by itself, until it is opened; nil if it has not.
    private(set) var failure: String?

    /// Whether it is to listen.
    var isOpen: Bool { state == .open }

    /// Whether it is on its way to listen no more.
    var isEnding: Bool { state == .draining || state == .departing }

    /// It is to be closed, with those served who have connected; alone, or with all others.
    mutating func beginDraining(alone: Bool = true) -> Action {
        if alone { isToldToClose = true }
        guard state == .open else { return .nothing }
        state = .draining
        return .drain
    }

    /// The last of what was drained has ended.
    mutating func drained() {
        if state == .draining { state = .closed }
    }

    /// A handler's error, which `failure` tells, closes it at once.
    mutating func handlerFailed(_ failure: String) -> Action {
        guard state == .open else { return .nothing }
        state = .closed
        self.failure = failure
        return .close
    }

    /// It was closed before this daemon, or this image of it, began; by its name or not, or by the failure of a handler.
    mutating func remainClosed(isToldTo: Bool = true, failure: String? = nil) {
        guard state == .open else { return }
        state = .closed
        isToldToClose = isToldTo
        self.failure = failure
    }

    /// It is to listen again.
    ///
    /// - Returns: whether it is open now: one that is on its way to its end cannot be opened.
    @discardableResult
    mutating func open() -> Bool {
        if state == .closed { state = .open }
        guard isOpen else { return false }
        (isToldToClose, failure) = (false, nil)
        return true
    }

    /// It is taken out of the configuration: it is never opened again.
    mutating func depart() -> Action {
        let action = beginDraining(alone: true)
        state = .departing
        return action
    }
}

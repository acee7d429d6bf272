// SPDX-License-Identifier: Apache-2.0
// When the status line that `systemctl status` shows is sent: when it changed, and at most once in an interval.

/// The status that was sent last, and the one that waits for its turn.
///
/// It is guaranteed that the newest text is sent in the end, that no text is sent twice in a row, and that two sends
/// are at least the interval apart. A text that is replaced before its turn is never sent.
package struct StatusLine<Instant: InstantProtocol>: Sendable where Instant.Duration == Duration {
    /// What to do now.
    package enum Step: Equatable, Sendable {
        /// The manager knows the newest text.
        case nothing
        /// Send this text now.
        case send(String)
        /// Ask ``StatusLine/next(at:)`` again at this time.
        case wait(until: Instant)
    }

    private let interval: Duration
    private var wanted: String?
    private var sent: (text: String, time: Instant)?

    /// Nothing was sent yet.
    package init(interval: Duration = .seconds(1)) {
        self.interval = interval
    }

    /// The status is `text` from now on.
    package mutating func update(_ text: String, at now: Instant) -> Step {
        wanted = text
        return next(at: now)
    }

    /// What is due at `now`.
    ///
    /// A text that is returned counts as sent.
    package mutating func next(at now: Instant) -> Step {
        guard let text = wanted, text != sent?.text else { return .nothing }
        if let sent {
            let due = sent.time.advanced(by: interval)
            guard now >= due else { return .wait(until: due) }
        }
        sent = (text, now)
        return .send(text)
    }
}

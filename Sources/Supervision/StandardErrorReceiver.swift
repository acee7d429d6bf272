// SPDX-License-Identifier: Apache-2.0
// Who gets what a service's handlers write to standard error, and what is told about it.

/// The receiver of a ``StandardErrorChannel``: all of it is called on the loop.
package struct StandardErrorReceiver {
    /// What somebody who had the writing end did to it.
    package enum Damage: String, Sendable {
        /// It was connected to another socket, or to none.
        case disconnected = "it was connected elsewhere"
        /// It was shut down.
        case shutDown = "it was shut down"
        /// The size of its buffer was changed.
        case buffer = "its SO_SNDBUF was changed"
        /// Its timeout was changed.
        case timeout = "its SO_SNDTIMEO was changed"
    }

    /// The connection whose handler process has this pid now, if it is one of this service's.
    package var lookUp: (Int32) -> UInt64?
    /// Is called for each line, in the order in which the lines were completed.
    package var deliver: (StandardErrorLine) -> Void
    /// Whether lines are wanted now: if not, they are only counted.
    package var wantsLines: () -> Bool = { true }
    /// Is told how many lines were not delivered, because they were not wanted; a long line is one.
    package var count: (Int) -> Void = { _ in }
    /// Is told how many bytes were lost, because one write had more than 64 KiB.
    package var lose: (Int) -> Void = { _ in }
    /// Is told that the sockets were replaced, and why.
    package var replaced: (Damage) -> Void = { _ in }

    /// A receiver of all lines.
    package init(lookUp: @escaping (Int32) -> UInt64?, deliver: @escaping (StandardErrorLine) -> Void) {
        self.lookUp = lookUp
        self.deliver = deliver
    }
}

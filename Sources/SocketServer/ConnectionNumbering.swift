// SPDX-License-Identifier: Apache-2.0
// The numbers of connections: each one once.

internal import Synchronization

/// Gives every connection a number that no other one has had.
package final class ConnectionNumbering: Sendable {
    /// The numbering of all servers that are not given another one.
    static let shared = ConnectionNumbering()

    private let last: Atomic<UInt64>

    /// Begins after `last`.
    package init(after last: UInt64 = 0) {
        self.last = Atomic(last)
    }

    /// The next number.
    package func next() -> UInt64 {
        last.add(1, ordering: .relaxed).newValue
    }
}

// SPDX-License-Identifier: Apache-2.0
// The numbers of connections: each one once.

internal import Synchronization

/// Gives every connection a number that no other one has had.
package final class ConnectionNumbering: Sendable {
    /// The numbering of all servers that are not given another one.
    static let shared = ConnectionNumbering()

    /// How many numbers are reserved at a time.
    package static let block: UInt64 = 1024

    private let previous: Atomic<UInt64>
    private let reserve: @Sendable (UInt64) -> Void

    /// Begins after `last`.
    ///
    /// `reserve` is told, before a number is given out that it does not know of, up to which they may be.
    package init(after last: UInt64 = 0, reserve: @escaping @Sendable (UInt64) -> Void = { _ in }) {
        previous = Atomic(last)
        self.reserve = reserve
        reserve((last / Self.block + 1) * Self.block)
    }

    /// The number that was given out last.
    package var last: UInt64 { previous.load(ordering: .relaxed) }

    /// The next number.
    package func next() -> UInt64 {
        let next = previous.add(1, ordering: .relaxed).newValue
        if next % Self.block == 0 { reserve(next + Self.block) }
        return next
    }
}

// SPDX-License-Identifier: Apache-2.0
// A descriptor that is lent to handlers as their standard error.

internal import Synchronization

/// A descriptor for handlers to write their errors to: the writing end of a service's ``StandardErrorChannel``, or any
/// other.
///
/// It is lent; its owner keeps it open for as long as handlers are started with it.
package struct StandardErrorSink: Sendable {
    /// The descriptor.
    package let descriptor: CInt
    /// Numbers of descriptors come back: this one does not, so that a place is never taken for what it held before.
    let identity: UInt64

    private static let made = Atomic<UInt64>(0)

    /// Lends `descriptor`.
    package init(lending descriptor: CInt) {
        self.descriptor = descriptor
        identity = Self.made.add(1, ordering: .relaxed).newValue
    }
}

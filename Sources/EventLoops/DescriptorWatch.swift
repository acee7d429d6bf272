// SPDX-License-Identifier: Apache-2.0
// One descriptor watched by the loop: a callback whenever it is ready.

internal import CLinux
package import Descriptors
internal import Glibc
package import SystemPackage

/// What a descriptor is watched for, and what it was found to be.
package struct Interest: OptionSet, Sendable {
    /// epoll's bits.
    package let rawValue: UInt32

    /// From epoll's bits.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// There is something to read, or to accept, or the end.
    package static let read = Interest(rawValue: UInt32(EPOLLIN.rawValue))
    /// There is room to write.
    package static let write = Interest(rawValue: UInt32(EPOLLOUT.rawValue))
    /// An error or a hang-up; always reported.
    package static let hangUp = Interest(rawValue: UInt32(EPOLLHUP.rawValue) | UInt32(EPOLLERR.rawValue))
}

/// A descriptor that the loop watches, level-triggered: `action` is called on the loop in every turn in which the
/// descriptor is ready and the watch enabled.
///
/// The descriptor is lent: it must be open until ``cancel()``, which must be called before it is closed and before the
/// watch is dropped. All of it only on the loop.
// Safe: every method proves that it runs on the loop's thread.
package final class DescriptorWatch: @unchecked Sendable {
    private let descriptor: CInt
    private let loop: EventLoop
    private let action: (Interest) -> Void
    /// Its number among those that are watched; nil while it is not.
    private var number: UInt64?
    private var isCancelled = false
    /// What is watched for now; empty when disabled.
    package private(set) var interest = Interest()

    /// Watches `descriptor` for nothing yet.
    package init(_ descriptor: CInt, on loop: EventLoop, _ action: @escaping (Interest) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        self.action = action
    }

    deinit {
        precondition(number == nil, "a watch was dropped without being cancelled: its descriptor may be another's now")
    }

    /// Watches for something else from now on; for nothing, not even a hang-up, when `interest` is empty.
    ///
    /// - Throws: `ENOSPC` or `ENOMEM` when the system takes no more descriptors to wait for; what was watched for still
    ///   is. To watch for less never fails.
    package func watch(for interest: Interest) throws(Errno) {
        loop.preconditionOnLoop()
        guard !isCancelled, interest != self.interest else { return }
        if interest.isEmpty {
            stop()
        } else if let number {
            try loop.descriptors.change(number, descriptor, to: interest)
        } else {
            number = try loop.descriptors.add(self, descriptor, for: interest)
        }
        self.interest = interest
    }

    /// As ``watch(for:)``, where it cannot fail or nothing can be done if it does: it traps then.
    package func change(to interest: Interest) {
        do { try watch(for: interest) } catch {
            preconditionFailure("cannot watch descriptor \(descriptor): \(error.textWithRemedy)")
        }
    }

    /// It was found to be so.
    func becameReady(_ found: Interest) { action(found) }

    private func stop() {
        if let number { loop.descriptors.remove(number, descriptor) }
        number = nil
    }

    /// Stops watching, for good.
    ///
    /// Harmless when repeated.
    package func cancel() {
        loop.preconditionOnLoop()
        isCancelled = true
        stop()
        interest = []
    }
}

extension SystemCall where Input == DescriptorWatch, Output == Void {
    /// Begins to watch for reading.
    package static var watchForReading: Self {
        SystemCall { watch in Result { () throws(Errno) in try watch.watch(for: .read) } }
    }
}

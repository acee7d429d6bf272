// SPDX-License-Identifier: Apache-2.0
// One descriptor watched by the loop: a callback whenever it is ready.

internal import CSystemd
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
    private var source: OpaquePointer?
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
        precondition(source == nil, "a watch was dropped without being cancelled: its descriptor may be another's now")
    }

    /// Watches for something else from now on; for nothing, not even a hang-up, when `interest` is empty.
    ///
    /// - Throws: `ENOSPC` or `ENOMEM` when the system takes no more descriptors to wait for; what was watched for still
    ///   is. To watch for less never fails.
    package func watch(for interest: Interest) throws(Errno) {
        loop.preconditionOnLoop()
        guard !isCancelled, interest != self.interest else { return }
        if interest.isEmpty {
            sd_event_source_set_enabled(source, CInt(SD_EVENT_OFF))
        } else if let source {
            try Errno.check(libsystemd: sd_event_source_set_io_events(source, interest.rawValue))
            if self.interest.isEmpty {
                try Errno.check(libsystemd: sd_event_source_set_enabled(source, CInt(SD_EVENT_ON)))
            }
        } else {
            try addSource(for: interest)
        }
        self.interest = interest
    }

    /// As ``watch(for:)``, where it cannot fail or nothing can be done if it does: it traps then.
    package func change(to interest: Interest) {
        do { try watch(for: interest) } catch {
            preconditionFailure("cannot watch descriptor \(descriptor): \(error.textWithRemedy)")
        }
    }

    private func addSource(for interest: Interest) throws(Errno) {
        let callback: sd_event_io_handler_t = { _, _, events, context in
            guard let context else { return 0 }
            let watch = Unmanaged<DescriptorWatch>.fromOpaque(context).takeUnretainedValue()
            watch.action(Interest(rawValue: events))
            // Never negative: that would disable the source.
            return 0
        }
        try Errno.check(
            libsystemd: sd_event_add_io(
                loop.sdEvent, &source, descriptor, interest.rawValue, callback,
                Unmanaged.passUnretained(self).toOpaque()))
    }

    /// Stops watching, for good.
    ///
    /// Harmless when repeated.
    package func cancel() {
        loop.preconditionOnLoop()
        isCancelled = true
        sd_event_source_disable_unref(source)
        source = nil
        interest = []
    }
}

extension SystemCall where Input == DescriptorWatch, Output == Void {
    /// Begins to watch for reading.
    package static var watchForReading: Self {
        SystemCall { watch in Result { () throws(Errno) in try watch.watch(for: .read) } }
    }
}

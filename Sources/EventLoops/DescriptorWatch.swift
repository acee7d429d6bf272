// SPDX-License-Identifier: Apache-2.0
// One descriptor watched by the loop: a callback whenever it is ready.

internal import CSystemd
internal import Glibc

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
    private let loop: EventLoop
    private let action: (Interest) -> Void
    private var source: OpaquePointer?
    /// What is watched for now; empty when disabled.
    package private(set) var interest: Interest

    /// Begins to watch `descriptor`, unless `interest` is empty.
    package init(
        _ descriptor: CInt, for interest: Interest, on loop: EventLoop, _ action: @escaping (Interest) -> Void
    ) {
        loop.preconditionOnLoop()
        self.loop = loop
        self.interest = interest
        self.action = action
        let callback: sd_event_io_handler_t = { _, _, events, context in
            guard let context else { return 0 }
            let watch = Unmanaged<DescriptorWatch>.fromOpaque(context).takeUnretainedValue()
            watch.action(Interest(rawValue: events))
            // Never negative: that would disable the source.
            return 0
        }
        let result = sd_event_add_io(
            loop.sdEvent, &source, descriptor, interest.rawValue, callback,
            Unmanaged.passUnretained(self).toOpaque())
        precondition(result >= 0, "cannot watch descriptor \(descriptor): \(String(cString: strerror(-result)))")
        if interest.isEmpty { sd_event_source_set_enabled(source, CInt(SD_EVENT_OFF)) }
    }

    deinit {
        precondition(source == nil, "a watch was dropped without being cancelled: its descriptor may be another's now")
    }

    /// Watches for something else from now on; for nothing, not even a hang-up, when `interest` is empty.
    package func change(to interest: Interest) {
        loop.preconditionOnLoop()
        guard let source, interest != self.interest else { return }
        if !interest.isEmpty { sd_event_source_set_io_events(source, interest.rawValue) }
        if interest.isEmpty != self.interest.isEmpty {
            sd_event_source_set_enabled(source, CInt(interest.isEmpty ? SD_EVENT_OFF : SD_EVENT_ON))
        }
        self.interest = interest
    }

    /// Stops watching, for good.
    ///
    /// Harmless when repeated.
    package func cancel() {
        loop.preconditionOnLoop()
        sd_event_source_disable_unref(source)
        source = nil
        interest = []
    }
}

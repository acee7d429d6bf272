// SPDX-License-Identifier: Apache-2.0
// The descriptors that a loop watches, in an epoll instance of their own, which is one source of sd-event's.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import SystemPackage

/// The descriptors that a loop watches.
///
/// sd-event asks the kernel for all that is ready again after each source that it dispatches: of thousands of descriptors
/// that are ready at once, as when handlers end together, that takes a time that grows with the square of their number.
/// Here as many are taken as are dispatched. Only on the loop.
final class WatchedDescriptors {
    private struct Entry {
        unowned let watch: DescriptorWatch
    }

    /// Readable while a descriptor is ready.
    let epoll: Descriptor
    /// By numbers that are not used again: a watch may be cancelled by another's action after both were found ready.
    private var entries: [UInt64: Entry] = [:]
    private var lastNumber: UInt64 = 0

    /// Watches nothing yet.
    init() throws(Errno) {
        epoll = Descriptor(adopting: try Errno.check(epoll_create1(CInt(EPOLL_CLOEXEC))))
    }

    /// Begins to watch a descriptor; returns the number of the watch.
    func add(_ watch: DescriptorWatch, _ descriptor: CInt, for interest: Interest) throws(Errno) -> UInt64 {
        lastNumber += 1
        try control(EPOLL_CTL_ADD, descriptor, lastNumber, interest)
        entries[lastNumber] = Entry(watch: watch)
        return lastNumber
    }

    /// Watches it for something else.
    func change(_ number: UInt64, _ descriptor: CInt, to interest: Interest) throws(Errno) {
        try control(EPOLL_CTL_MOD, descriptor, number, interest)
    }

    /// Watches it no more.
    func remove(_ number: UInt64, _ descriptor: CInt) {
        entries[number] = nil
        // It was added, and is open: this does not fail.
        do { try control(EPOLL_CTL_DEL, descriptor, number, []) } catch {
            preconditionFailure("cannot stop watching descriptor \(descriptor): \(error.textWithRemedy)")
        }
    }

    /// Calls the actions of those that are ready, at most so many, in the order in which they became so.
    ///
    /// - Returns: how many were.
    func dispatch(atMost most: Int) -> Int {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: most) { events in
            let count = epoll.use { epoll_wait($0, events.baseAddress, CInt(most), 0) }
            for event in events.prefix(max(0, Int(count))) {
                entries[event.data.u64]?.watch.becameReady(Interest(rawValue: event.events))
            }
            return max(0, Int(count))
        }
    }

    private func control(
        _ operation: CInt, _ descriptor: CInt, _ number: UInt64, _ interest: Interest
    ) throws(Errno) {
        var event = epoll_event(events: interest.rawValue, data: epoll_data(u64: number))
        let result = epoll.use { epoll_ctl($0, operation, descriptor, &event) }
        try Errno.check(result)
    }
}

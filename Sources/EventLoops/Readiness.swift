// SPDX-License-Identifier: Apache-2.0
// Awaiting that a descriptor can be read from or written to.

internal import SystemPackage

/// How a wait for readiness ended.
package typealias ReadinessOutcome = Resumption

/// The readiness of one descriptor, to be awaited: at most one task for reading, one for writing and one for the
/// hang-up at a time.
///
/// The descriptor is lent: it must be open until ``close()``, which must be called before it is closed and before this
/// object is dropped.
// Safe: the state is touched only on the loop's thread.
package final class Readiness: @unchecked Sendable {
    private let loop: EventLoop
    private let descriptor: CInt
    private lazy var watch = DescriptorWatch(descriptor, on: loop) { [unowned self] in self.becameReady($0) }
    private var reader: ((Resumption) -> Void)?
    private var writer: ((Resumption) -> Void)?
    private var observer: ((Resumption) -> Void)?
    private var isClosed = false

    /// Nothing is watched before the first wait.
    package init(_ descriptor: CInt, on loop: EventLoop) {
        self.descriptor = descriptor
        self.loop = loop
    }

    /// Waits until `direction`, ``Interest/read`` or ``Interest/write``, is possible, or ``Interest/hangUp`` has come.
    ///
    /// May be called from any task. A descriptor that the system cannot wait for, for want of memory or by the limit
    /// on a user's descriptors in epoll(7), counts as closed.
    package func wait(for direction: Interest) async -> ReadinessOutcome {
        let suspended = SuspendedTask(on: loop)
        return await suspended.suspend { resume in
            self.begin(direction, resume)
            return { self.forget(direction) }
        }
    }

    /// Calls `action` once, as soon as `direction` is possible or ``close()`` is called.
    ///
    /// As ``wait(for:)``. Only on the loop.
    package func whenReady(for direction: Interest, _ action: @escaping (ReadinessOutcome) -> Void) {
        loop.preconditionOnLoop()
        begin(direction, action)
    }

    /// Ends every wait with ``ReadinessOutcome/closed`` and stops watching.
    ///
    /// Only on the loop. Harmless when repeated.
    package func close() {
        loop.preconditionOnLoop()
        isClosed = true
        watch.cancel()
        wake([.read, .write, .hangUp], .closed)
    }

    private func begin(_ direction: Interest, _ resume: @escaping (Resumption) -> Void) {
        guard !isClosed else { return resume(.closed) }
        do throws(Errno) { try watch.watch(for: watch.interest.union(direction)) } catch { return resume(.closed) }
        if direction == .read {
            precondition(reader == nil, "two tasks wait to read from one descriptor")
            reader = resume
        } else if direction == .write {
            precondition(writer == nil, "two tasks wait to write to one descriptor")
            writer = resume
        } else {
            precondition(observer == nil, "two tasks wait for the hang-up of one descriptor")
            observer = resume
        }
    }

    // Interest is dropped only when an event finds nobody waiting: a listener or a stream that is waited for again and
    // again costs no epoll_ctl.
    private func becameReady(_ found: Interest) {
        let directions = found.isDisjoint(with: .hangUp) ? found : [.read, .write, .hangUp]
        var unwanted = Interest()
        if reader == nil { unwanted.insert(.read) }
        if writer == nil { unwanted.insert(.write) }
        if observer == nil { unwanted.insert(.hangUp) }
        if !watch.interest.isDisjoint(with: unwanted.intersection(directions)) {
            watch.change(to: watch.interest.subtracting(unwanted))
        }
        wake(directions, .ready)
    }

    private func wake(_ directions: Interest, _ resumption: Resumption) {
        if directions.contains(.read), let waiting = reader {
            reader = nil
            waiting(resumption)
        }
        if directions.contains(.write), let waiting = writer {
            writer = nil
            waiting(resumption)
        }
        if !directions.isDisjoint(with: .hangUp), let waiting = observer {
            observer = nil
            waiting(resumption)
        }
    }

    private func forget(_ direction: Interest) {
        switch direction {
        case .read: reader = nil
        case .write: writer = nil
        default: observer = nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Awaiting that a descriptor can be read from or written to.

/// How a wait for readiness ended.
package enum ReadinessOutcome: Sendable {
    /// The call that was waited for will not block now: it does something, or fails.
    case ready
    /// ``Readiness/close()`` was called, before or meanwhile.
    case closed
    /// The task was cancelled; nothing has changed.
    case cancelled
}

extension ReadinessOutcome {
    fileprivate init(_ resumption: Resumption) {
        switch resumption {
        case .done: self = .ready
        case .closed: self = .closed
        case .cancelled: self = .cancelled
        }
    }
}

/// The readiness of one descriptor, to be awaited: at most one task for reading and one for writing at a time.
///
/// The descriptor is lent: it must be open until ``close()``, which must be called before it is closed and before this
/// object is dropped.
// Safe: the state is touched only on the loop's thread.
package final class Readiness: @unchecked Sendable {
    private let loop: EventLoop
    private let descriptor: CInt
    private var watch: DescriptorWatch?
    private var reader: ((Resumption) -> Void)?
    private var writer: ((Resumption) -> Void)?
    private var isClosed = false

    /// Nothing is watched before the first wait.
    package init(_ descriptor: CInt, on loop: EventLoop) {
        self.descriptor = descriptor
        self.loop = loop
    }

    /// Waits until `direction`, ``Interest/read`` or ``Interest/write``, is possible.
    ///
    /// May be called from any task.
    package func wait(for direction: Interest) async -> ReadinessOutcome {
        let suspended = SuspendedTask(on: loop)
        let resumption = await suspended.suspend { resume in
            self.begin(direction, resume)
            return { self.forget(direction) }
        }
        return ReadinessOutcome(resumption)
    }

    /// Calls `action` once, as soon as `direction` is possible or ``close()`` is called.
    ///
    /// Only on the loop.
    package func whenReady(for direction: Interest, _ action: @escaping (ReadinessOutcome) -> Void) {
        loop.preconditionOnLoop()
        begin(direction) { action(ReadinessOutcome($0)) }
    }

    /// Ends every wait with ``ReadinessOutcome/closed`` and stops watching.
    ///
    /// Only on the loop. Harmless when repeated.
    package func close() {
        loop.preconditionOnLoop()
        isClosed = true
        watch?.cancel()
        watch = nil
        wake([.read, .write], .closed)
    }

    private func begin(_ direction: Interest, _ resume: @escaping (Resumption) -> Void) {
        guard !isClosed else { return resume(.closed) }
        if direction == .read {
            precondition(reader == nil, "two tasks wait to read from one descriptor")
            reader = resume
        } else {
            precondition(writer == nil, "two tasks wait to write to one descriptor")
            writer = resume
        }
        if let watch {
            watch.change(to: watch.interest.union(direction))
        } else {
            watch = DescriptorWatch(descriptor, for: direction, on: loop) { [unowned self] in self.becameReady($0) }
        }
    }

    // Interest is dropped only when an event finds nobody waiting: a listener or a stream that is waited for again and
    // again costs no epoll_ctl.
    private func becameReady(_ found: Interest) {
        let directions = found.isDisjoint(with: .hangUp) ? found : [.read, .write]
        var unwanted = Interest()
        if reader == nil { unwanted.insert(.read) }
        if writer == nil { unwanted.insert(.write) }
        if let watch, !watch.interest.isDisjoint(with: unwanted.intersection(directions)) {
            watch.change(to: watch.interest.subtracting(unwanted))
        }
        wake(directions, .done)
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
    }

    private func forget(_ direction: Interest) {
        if direction == .read { reader = nil } else { writer = nil }
    }
}

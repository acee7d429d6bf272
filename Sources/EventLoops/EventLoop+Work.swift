// SPDX-License-Identifier: Apache-2.0
// Giving the event loop work: jobs of the runtime, actions from any thread, work that must be looked at each turn.

internal import CLinux
internal import CSystemd
internal import Descriptors
internal import Glibc
internal import Synchronization
internal import SystemPackage

extension EventLoop {
    /// Runs `action` on the loop, in the next generation of jobs.
    ///
    /// May be called from any thread.
    package func execute(_ action: @escaping @Sendable () -> Void) { add(.action(action)) }

    /// Runs `action` on the loop after the sources were looked at again.
    ///
    /// Only on the loop.
    package func executeInNextTurn(_ action: @escaping () -> Void) {
        preconditionOnLoop()
        nextTurn.append(.action(action))
    }

    /// Whether this turn was woken by one or two events only: whoever waits now keeps nobody waiting for long.
    ///
    /// Only on the loop.
    package var isQuiet: Bool {
        preconditionOnLoop()
        return dispatched <= 2 && !hasPending
    }

    /// Calls `look` once a turn, after the sources were dispatched, until it returns false: for work under way that
    /// wakes no descriptor.
    ///
    /// The loop does not block meanwhile.
    ///
    /// `look` is told whether the turn has found nothing else to do; then it may wait for its work itself, for as long
    /// as every other event may be late. Only on the loop.
    package func pollEachTurn(_ look: @escaping (_ isIdle: Bool) -> Bool) {
        preconditionOnLoop()
        polls.append(look)
    }

    /// Suspends the task until the sources were looked at again: for work that could go on for ever.
    package func yieldTurn() async {
        await withUnsafeContinuation { continuation in
            if isOnLoop {
                executeInNextTurn { continuation.resume() }
            } else {
                execute { self.executeInNextTurn { continuation.resume() } }
            }
        }
    }

    /// Queues a job; called by the Swift runtime, from any thread.
    public func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }

    private func add(_ work: Work) {
        guard !isOnLoop else {
            queue.append(work)
            return
        }
        let wasEmpty = remote.withLock { remote in
            remote.work.append(work)
            return remote.work.count == 1
        }
        guard wasEmpty else { return }
        var one: UInt64 = 1
        wakeUp.use { _ = write($0, &one, 8) }
    }

    func watchWakeUp() throws(Errno) {
        let callback: sd_event_io_handler_t = { _, _, _, context in
            guard let context else { return 0 }
            Unmanaged<EventLoop>.fromOpaque(context).takeUnretainedValue().takeRemoteWork()
            return 0
        }
        let result = wakeUp.use { number in
            sd_event_add_io(
                sdEvent, &wakeUpSource, number, UInt32(EPOLLIN.rawValue), callback,
                Unmanaged.passUnretained(self).toOpaque())
        }
        try Errno.check(libsystemd: result)
    }

    private func takeRemoteWork() {
        var count: UInt64 = 0
        wakeUp.use { _ = read($0, &count, 8) }
        queue += remote.withLock { remote in
            defer { remote.work.removeAll() }
            return remote.work
        }
    }

    /// Runs `body` on the loop: at once when the caller is there already.
    package func perform<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        guard !isOnLoop else { return body() }
        return await withUnsafeContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }
}

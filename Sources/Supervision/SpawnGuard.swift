// SPDX-License-Identifier: Apache-2.0
// The thread that frees the loop from a child that does not get to its exec.

internal import CLinux
internal import Glibc
internal import SystemPackage

/// A deadline on the one spawn that is in flight.
///
/// Until its exec the child holds the loop: a process of the handler's user can stop it, a file system that does not
/// answer can hold it. When the deadline has passed this thread kills the child by its pidfd. What it cannot end is a
/// child that waits in the kernel where no signal reaches it.
///
/// | state | the thread | what a spawn costs |
/// | --- | --- | --- |
/// | idle | waits to be woken | one futex call |
/// | busy | looks again after each deadline, until there was no spawn in one | nothing but an uncontended lock |
///
/// It is guaranteed that only the child of the spawn in flight is killed: the pidfd is used under the lock that the end
/// of the spawn takes, and is closed only after it.
// Safe: `state` is touched only under `lock`.
final class SpawnGuard: @unchecked Sendable {
    private struct State {
        var isInFlight = false
        var isTimedOut = false
        var isIdle = false
        var isStopping = false
        var began: UInt64 = 0
        var spawns: UInt64 = 0
    }
    private var state = State()
    private let record: UnsafeMutablePointer<clinux_spawn>
    private let deadline: UInt64
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var thread = pthread_t()

    /// How long a child that has no pidfd yet, or was killed and is not gone, is left alone.
    private static let retryInterval: UInt64 = 10_000_000

    /// Starts the thread.
    ///
    /// `record` must live until ``stop()``.
    init(watching record: UnsafeMutablePointer<clinux_spawn>, deadline: Duration) throws(Errno) {
        self.record = record
        let (seconds, attoseconds) = deadline.components
        self.deadline = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        lock = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        try startThread()
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    /// Ends the thread and waits for its end.
    ///
    /// Once, and with no spawn in flight.
    func stop() {
        withLock { $0.isStopping = true }
        pthread_cond_signal(changed)
        pthread_join(thread, nil)
    }

    /// A spawn begins.
    func begin() {
        let wasIdle = withLock { state in
            record.pointee.pidfd = -1
            state.isInFlight = true
            state.isTimedOut = false
            state.began = Self.now
            state.spawns &+= 1
            return state.isIdle
        }
        if wasIdle { pthread_cond_signal(changed) }
    }

    /// The spawn has come to its end.
    /// - Returns: whether the child was killed.
    func end() -> Bool {
        withLock { state in
            state.isInFlight = false
            return state.isTimedOut
        }
    }

    // MARK: The thread

    private func run() {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        var seen: UInt64 = 0
        while !state.isStopping {
            if state.isInFlight {
                let due = state.began + deadline
                wait(until: Self.now < due ? due : killChild())
            } else if state.spawns != seen {
                // The next spawn is probably soon: be there before it can be due, without being woken.
                seen = state.spawns
                wait(until: Self.now + deadline)
            } else {
                state.isIdle = true
                pthread_cond_wait(changed, lock)
                state.isIdle = false
            }
        }
    }

    /// Kills, and returns when to look again.
    private func killChild() -> UInt64 {
        let pidfd = clinux_spawn_pidfd(record)
        if pidfd >= 0, clinux_pidfd_signal(pidfd, SIGKILL) == 0 { state.isTimedOut = true }
        return Self.now + Self.retryInterval
    }

    private func wait(until time: UInt64) {
        var absolute = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        pthread_cond_timedwait(changed, lock, &absolute)
    }

    private func startThread() throws(Errno) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 256 * 1024)
        // The signals are the loop's: this thread, which inherits its mask, is not to be given one.
        var all = sigset_t()
        var earlier = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &earlier)
        defer { pthread_sigmask(SIG_SETMASK, &earlier, nil) }
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<SpawnGuard>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard result != 0 else { return }
        context.release()
        throw Errno(rawValue: result)
    }

    private func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body(&state)
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

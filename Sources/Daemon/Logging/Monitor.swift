// SPDX-License-Identifier: Apache-2.0
// A lock with a condition that plain threads wait for: `Synchronization.Mutex` has none.

internal import Glibc

/// State that threads share, and the waiting for it to change.
///
/// Every access is one call under the lock; while a thread waits, the state belongs to the others.
// Invariant: `state` is touched only between lock and unlock of `mutex`, in this file alone.
final class Monitor<State: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    /// Guards `state` from now on.
    init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Deadlines must not move when someone sets the system's time.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Calls `body` under the lock.
    func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&state)
    }

    /// Calls `body` under the lock until it has a result, each time after a ``wakeAll()``; nil when the deadline is
    /// reached before.
    ///
    /// `body` may be called more often than that, and is called at least once.
    func wait<Result>(until deadline: Deadline? = nil, _ body: (inout State) -> Result?) -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            // A new access each time: another thread changes the state while this one waits.
            if let result = body(&state) { return result }
            guard var time = deadline?.time else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return body(&state) }
        }
    }

    /// Lets all who wait look again.
    func wakeAll() { pthread_cond_broadcast(condition) }
}

/// A point of the monotonic clock.
package struct Deadline: Sendable {
    fileprivate let time: timespec

    /// This long from now.
    package static func after(_ duration: Duration) -> Deadline {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let (seconds, attoseconds) = duration.components
        let nanoseconds = now.tv_nsec + Int(attoseconds / 1_000_000_000)
        return Deadline(
            time: timespec(
                tv_sec: now.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000))
    }
}

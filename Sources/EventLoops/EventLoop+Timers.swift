// SPDX-License-Identifier: Apache-2.0
// Timers of the loop: scheduled on its clock, all behind one sd-event time source.

internal import CSystemd
internal import Descriptors
internal import Glibc
internal import SystemPackage

extension EventLoop {
    /// The time on the loop's clock.
    package var now: Duration { clock.now }

    /// Runs `action` on the loop once `delay` has passed.
    ///
    /// Only on the loop.
    @discardableResult
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimer {
        preconditionOnLoop()
        return timers.add(deadline: clock.now + delay, action: action)
    }

    /// Suspends the task for `duration` on the loop's clock.
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    package func sleep(for duration: Duration) async throws(CancellationError) {
        let interval = SuspendedTask(on: self)
        let result = await interval.suspend { resume in
            let timer = self.schedule(after: duration) { resume(.ready) }
            return { timer.cancel() }
        }
        guard result == .ready else { throw CancellationError() }
    }

    /// Runs the actions that are due.
    ///
    /// For a manual clock, which calls it on the loop after it was moved.
    package func fireDueTimers() {
        preconditionOnLoop()
        let now = clock.now
        while let action = timers.takeDue(at: now) { action() }
    }

    /// Tells sd-event about the first deadline, when it is another than it was.
    func armTimer() {
        guard clock.advancesByItself else { return }
        let deadline = timers.nextDeadline
        guard deadline != armedDeadline else { return }
        armedDeadline = deadline
        mustPrepareAgain = true
        guard let deadline else {
            sd_event_source_set_enabled(timerSource, CInt(SD_EVENT_OFF))
            return
        }
        sd_event_source_set_time(timerSource, Self.microseconds(deadline))
        sd_event_source_set_enabled(timerSource, CInt(SD_EVENT_ONESHOT))
    }

    /// Makes the time source, which is off until there is a timer.
    ///
    /// It takes a descriptor: now, because when the first timer is needed there may be none left.
    func addTimerSource() throws(Errno) {
        let callback: sd_event_time_handler_t = { _, _, context in
            guard let context else { return 0 }
            let loop = Unmanaged<EventLoop>.fromOpaque(context).takeUnretainedValue()
            loop.armedDeadline = nil
            loop.fireDueTimers()
            return 0
        }
        try Errno.check(
            libsystemd: sd_event_add_time(
                sdEvent, &timerSource, CLOCK_MONOTONIC, UInt64.max, 1, callback,
                Unmanaged.passUnretained(self).toOpaque()))
        sd_event_source_set_enabled(timerSource, CInt(SD_EVENT_OFF))
    }

    // Rounded up: a timer may be late, never early.
    private static func microseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        return UInt64(seconds) * 1_000_000 + UInt64((attoseconds + 999_999_999_999) / 1_000_000_000_000)
    }
}

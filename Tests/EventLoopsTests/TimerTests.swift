// SPDX-License-Identifier: Apache-2.0
// When timers fire, and when a sleep ends.

internal import EventLoops
internal import TestSupport
internal import Testing

@Suite("timers of the loop")
struct TimerTests {
    @Test("timers fire in order of their time, none early, cancelled ones not at all")
    func timers() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let fired = EventLog<Int>()
            loop.schedule(after: .seconds(3)) { fired.append(3) }
            loop.schedule(after: .seconds(1)) { fired.append(1) }
            let cancelled = loop.schedule(after: .seconds(2)) { fired.append(2) }
            cancelled.cancel()
            await clock.advance(by: .milliseconds(999), on: loop)
            #expect(fired.all == [])
            await clock.advance(by: .milliseconds(1), on: loop)
            #expect(fired.all == [1])
            await clock.advance(by: .seconds(2), on: loop)
            #expect(fired.all == [1, 3])
        }
    }

    @Test("a thousand timers in random order fire in order, with half of them cancelled")
    func manyTimers() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let fired = EventLog<Int>()
            for delay in (1...1000).shuffled() {
                let timer = loop.schedule(after: .milliseconds(delay)) { fired.append(delay) }
                if delay.isMultiple(of: 2) { timer.cancel() }
            }
            await clock.advance(by: .seconds(1), on: loop)
            #expect(fired.all == Array(stride(from: 1, through: 999, by: 2)))
        }
    }

    @Test("timers of one time fire in the order in which they were made")
    func equalTimers() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let fired = EventLog<Int>()
            for number in 0..<100 { loop.schedule(after: .seconds(1)) { fired.append(number) } }
            await clock.advance(by: .seconds(1), on: loop)
            #expect(fired.all == Array(0..<100))
        }
    }

    @Test("timers that were cancelled are forgotten long before their time")
    func cancelledTimers() async throws {
        struct Made {
            weak var timer: LoopTimer?
        }
        try await onLoop(clock: ManualClock()) { loop in
            let made = (0..<10_000).map { _ in
                let timer = loop.schedule(after: .seconds(3600)) {}
                timer.cancel()
                return Made(timer: timer)
            }
            #expect(made.count { $0.timer != nil } < 1000)
        }
    }

    // The only test that shows that the kernel's clock drives the loop: others move a clock of their own. What it waits
    // for is the timer itself, and no machine is too slow for what it expects.
    @Test("sleep ends when the real clock says so, and at once when the task is cancelled")
    func sleeping() async throws {
        try await onLoop { loop in
            let start = loop.now
            try await loop.sleep(for: .milliseconds(20))
            #expect(loop.now - start >= .milliseconds(20))
            let long = Task(executorPreference: loop) { try await loop.sleep(for: .seconds(3600)) }
            await settle(loop)
            long.cancel()
            await #expect(throws: CancellationError.self) { try await long.value }
        }
    }
}

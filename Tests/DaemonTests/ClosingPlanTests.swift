// SPDX-License-Identifier: Apache-2.0
// The times of a closing, what a second one makes of it, and the counts that tell how far it has come.

import ManagerInterface
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("ClosingPlan")
struct ClosingPlanTests {
    private let a: ServiceName
    private let b: ServiceName

    init() throws {
        a = try #require(ServiceName("a"))
        b = try #require(ServiceName("b"))
    }

    private func times(_ grace: Int64? = nil, _ deadline: Int64? = nil) throws -> ClosingTimes {
        try ClosingTimes(grace: grace, deadline: deadline, stopTimeout: .seconds(10), now: .seconds(100))
    }

    private func invalid(_ field: String, _ reason: String) -> VarlinkError {
        VarlinkError(Manager.InvalidDuration(field: field, reason: reason))
    }

    @Test("without times connections are asked at once, and have the stop timeout")
    func standard() throws {
        let plan = try times().plan(.stop)
        #expect(plan == ClosingPlan(by: .stop, graceEndsAt: .seconds(100), killsAt: .seconds(110)))
        #expect(try times().plan(.keep) == .keep)
        #expect(try times(5_000_000).plan(.shutdown).killsAt == .seconds(115))
    }

    @Test("a day is the longest, nothing the shortest, and the deadline comes no sooner than the end of the grace")
    func limits() throws {
        let day: Int64 = 24 * 3600 * 1_000_000
        #expect(try times(day, day).plan(.stop).killsAt == .seconds(100 + 24 * 3600))
        #expect(try times(0, 0).plan(.stop).killsAt == .seconds(100))
        #expect(throws: invalid("grace", "it is longer than 1d")) { try times(day + 1).plan(.stop) }
        #expect(throws: invalid("deadline", "it is longer than 1d")) { try times(nil, day + 1).plan(.stop) }
        #expect(throws: invalid("grace", "it is negative")) { try times(-1).plan(.stop) }
        #expect(throws: invalid("deadline", "it comes before the end of the grace")) {
            try times(2, 1).plan(.stop)
        }
        #expect(try times(2, 2).plan(.stop).graceEndsAt == .seconds(100) + .microseconds(2))
        #expect(throws: invalid("grace", "connections that are kept have none")) { try times(1).plan(.keep) }
        #expect(throws: invalid("deadline", "connections that are kept have none")) {
            try times(nil, 1).plan(.keep)
        }
    }

    @Test("a drain gives connections what its deadline leaves before the stop timeout, or else the drain timeout")
    func drain() throws {
        func plan(_ grace: Int64?, _ deadline: Int64?) throws -> ClosingPlan {
            try times(grace, deadline).drainPlan(drainTimeout: .seconds(30))
        }
        #expect(
            try plan(nil, nil) == ClosingPlan(by: .stop, graceEndsAt: .seconds(130), killsAt: .seconds(140)))
        #expect(try plan(nil, 15_000_000).graceEndsAt == .seconds(105))
        #expect(try plan(nil, 5_000_000).graceEndsAt == .seconds(100))
        #expect(try plan(nil, 5_000_000).killsAt == .seconds(105))
        #expect(try plan(1_000_000, nil).killsAt == .seconds(111))
    }

    @Test("of two plans what is stricter and what comes sooner holds")
    func combined() {
        let slow = ClosingPlan(by: .shutdown, graceEndsAt: .seconds(9), killsAt: .seconds(20))
        let quick = ClosingPlan(by: .stop, graceEndsAt: .seconds(12), killsAt: .seconds(15))
        let both = ClosingPlan(by: .stop, graceEndsAt: .seconds(9), killsAt: .seconds(15))
        #expect(slow.combined(with: quick) == both && quick.combined(with: slow) == both)
        #expect(ClosingPlan.keep.combined(with: slow) == slow && slow.combined(with: .keep) == slow)
    }

    @Test("each step comes at its time, and what comes next is told")
    func steps() {
        var tally = ClosingTally(ClosingPlan(by: .stop, graceEndsAt: .seconds(10), killsAt: .seconds(20)))
        tally.beginAccepting()
        tally.admit(1, of: b)
        func step(_ seconds: Double) -> [ClosingStep?] {
            let progress = tally.progress(at: .seconds(seconds)) { Int64($0 / .seconds(1)) }
            return [progress.step, progress.nextStep]
        }
        #expect(step(0) == [.accepting, .stopping])
        tally.endAccepting()
        #expect(step(9.999) == [.waiting, .stopping])
        #expect(step(10) == [.stopping, .killing])
        #expect(step(19.999) == [.stopping, .killing])
        #expect(step(20) == [.killing, nil])
        tally.ended(1, .killed, isLingering: false)
        #expect(step(20) == [.finished, nil] && tally.isFinished)
    }

    @Test("every connection is counted once, in what happened to it")
    func counts() {
        var tally = ClosingTally(ClosingPlan(by: .stop, graceEndsAt: .seconds(10), killsAt: .seconds(20)))
        for id in 1...4 as ClosedRange<UInt64> { tally.admit(id, of: id == 4 ? a : b) }
        tally.admit(1, of: b)
        tally.ended(99, .killed, isLingering: true)
        let before = tally.progress(at: .zero) { Int64($0 / .seconds(1)) }
        #expect(before.open == 4 && before.killed == 0 && before.lingering == 0)
        #expect(before.services == [.init(service: "a", connections: 1), .init(service: "b", connections: 3)])
        #expect(before.nextStepTimestamp == 10 && before.deadlineTimestamp == 20)
        tally.ended(1, .ended, isLingering: true)
        tally.ended(1, .ended, isLingering: true)
        tally.ended(2, .stopped, isLingering: false)
        tally.ended(3, .killed, isLingering: false)
        let after = tally.progress(at: .zero) { Int64($0 / .seconds(1)) }
        #expect([after.open, after.ended, after.stopped, after.killed, after.lingering] == [1, 1, 1, 1, 1])
        #expect(after.services == [.init(service: "a", connections: 1)] && !tally.isFinished)
    }

    @Test("connections that are kept are no open ones, and nobody waits for them")
    func kept() {
        var tally = ClosingTally(.keep)
        tally.beginAccepting()
        tally.admit(1, of: a)
        let progress = tally.progress(at: .seconds(1)) { _ in 0 }
        #expect(progress.step == .accepting && progress.open == 0 && progress.kept == 1)
        #expect(progress.nextStep == nil && progress.deadlineTimestamp == nil)
        tally.endAccepting()
        #expect(tally.isFinished)
    }
}

// SPDX-License-Identifier: Apache-2.0
// How much of a service's output is logged.

import Daemon
import Testing

@Suite("The throttle for a service's output")
struct OutputThrottleTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    @Test("the budget is admitted, and the line after it is not")
    func budget() {
        for (lines, suppressed) in [(2, 0), (3, 0), (4, 1), (10, 7)] {
            var throttle = OutputThrottle<ContinuousClock.Instant>(budget: 3, interval: .seconds(10))
            let verdicts = (0..<lines).map { _ in throttle.admit(at: at(0)) }
            #expect(verdicts.count { $0 == .suppress } == suppressed)
            #expect(verdicts.prefix(3).allSatisfy { $0 == .write })
            #expect(throttle.suppressedDue == (suppressed > 0 ? at(10) : nil))
        }
    }

    @Test("the first line of the next interval tells how many were suppressed, once")
    func resume() {
        var throttle = OutputThrottle<ContinuousClock.Instant>(budget: 1, interval: .seconds(10))
        #expect(throttle.admit(at: at(0)) == .write)
        #expect(throttle.admit(at: at(1)) == .suppress)
        #expect(throttle.admit(at: at(9)) == .suppress)
        #expect(throttle.admit(at: at(10)) == .writeAfterSuppressed(2))
        #expect(throttle.admit(at: at(11)) == .suppress)
        #expect(throttle.admit(at: at(20)) == .writeAfterSuppressed(1))
        #expect(throttle.admit(at: at(30)) == .write)
    }

    @Test("a service that falls silent is counted by the timer")
    func silence() {
        var throttle = OutputThrottle<ContinuousClock.Instant>(budget: 1, interval: .seconds(10))
        #expect(throttle.takeSuppressed(at: at(0)) == nil)
        _ = throttle.admit(at: at(0))
        _ = throttle.admit(at: at(0))
        #expect(throttle.takeSuppressed(at: at(9)) == nil)
        #expect(throttle.takeSuppressed(at: at(10)) == 1)
        #expect(throttle.takeSuppressed(at: at(11)) == nil)
        #expect(throttle.suppressedDue == nil)
        #expect(throttle.admit(at: at(12)) == .write)
    }

    @Test("no line is lost from the count, at any rhythm")
    func conservation() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            var throttle = OutputThrottle<ContinuousClock.Instant>(
                budget: .random(in: 1...5, using: &generator), interval: .seconds(10))
            var (written, told, now) = (0, 0, 0)
            for _ in 0..<200 {
                now += .random(in: 0...4, using: &generator)
                switch throttle.admit(at: at(now)) {
                case .write: written += 1
                case .writeAfterSuppressed(let count):
                    written += 1
                    told += count
                case .suppress: break
                }
            }
            told += throttle.takeSuppressed(at: at(now + 10)) ?? 0
            #expect(written + told == 200)
        }
    }
}

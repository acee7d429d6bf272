// SPDX-License-Identifier: Apache-2.0
// When a service whose handlers keep failing is held back.

internal import Supervision
internal import Testing

/// Applies a change: an expectation takes no value apart that it would change.
private func on(_ throttle: inout Throttle, _ change: (inout Throttle) -> Bool) -> Bool { change(&throttle) }

@Suite("Throttle")
struct ThrottleTests {
    private static var limits: Throttle.Limits {
        var limits = Throttle.Limits()
        limits.failures = 3
        limits.firstPause = .seconds(1)
        limits.longestPause = .seconds(5)
        return limits
    }
    private let throttle = Throttle(limits: limits)

    @Test("one failure less than the limit holds nothing back, the limit does, for a known time")
    func limit() {
        var throttle = self.throttle
        #expect(!on(&throttle) { $0.spawnFailed(at: .seconds(10)) })
        #expect(!on(&throttle) { $0.spawnFailed(at: .seconds(10)) })
        #expect(throttle.isThrottled(at: .seconds(10)) == false && throttle.until == nil)
        #expect(on(&throttle) { $0.spawnFailed(at: .seconds(10)) })
        #expect(throttle.until == .seconds(11))
        #expect(throttle.isThrottled(at: .milliseconds(10_999)))
        #expect(throttle.isThrottled(at: .seconds(11)) == false)
    }

    @Test("each next failure holds it back for twice as long, up to the bound")
    func doubling() {
        var throttle = self.throttle
        var now: Duration = .zero
        var pauses: [Duration] = []
        for _ in 0..<8 {
            if throttle.spawnFailed(at: now), let until = throttle.until {
                pauses.append(until - now)
                now = until
            }
        }
        #expect(pauses == [.seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5), .seconds(5)])
    }

    @Test("one success forgets everything")
    func success() {
        var throttle = self.throttle
        for _ in 0..<3 { _ = throttle.spawnFailed(at: .zero) }
        throttle.handlerSucceeded()
        #expect(throttle == Throttle(limits: Self.limits))
    }

    @Test("failures of programs that were started before the pause do not make it longer")
    func duringPause() {
        var throttle = self.throttle
        for _ in 0..<3 { _ = throttle.spawnFailed(at: .zero) }
        for _ in 0..<9 { #expect(!on(&throttle) { $0.spawnFailed(at: .milliseconds(999)) }) }
        #expect(throttle.until == .seconds(1))
        #expect(on(&throttle) { $0.spawnFailed(at: .seconds(1)) })
        #expect(throttle.until == .seconds(3))
    }
}

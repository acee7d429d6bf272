// SPDX-License-Identifier: Apache-2.0
// What keeps happening is told at once, then once a minute with a count.

import Policy
import Testing

@Suite("RepeatedCondition")
struct RepeatedConditionTests {
    private let start = ContinuousClock.now

    @Test("the first time is told, and the next not before a minute has passed")
    func interval() {
        var condition = RepeatedCondition<ContinuousClock.Instant>()
        let times = [0, 1, 59_999, 60_000, 60_001, 119_999, 120_000].map { milliseconds in
            condition.occurred(at: start.advanced(by: .milliseconds(milliseconds)))
        }
        #expect(times == [1, nil, nil, 3, nil, nil, 3])
    }

    @Test("every time is counted by exactly one telling")
    func count() {
        var condition = RepeatedCondition<ContinuousClock.Instant>(interval: .seconds(1))
        let told = (0...1000).compactMap { condition.occurred(at: start.advanced(by: .milliseconds($0 * 7))) }
        let rest = condition.occurred(at: start.advanced(by: .seconds(100)))
        #expect(told.reduce(0, +) + (rest ?? 0) == 1002)
        #expect(told.count == 7)
    }
}

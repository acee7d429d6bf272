// SPDX-License-Identifier: Apache-2.0
// What keeps happening is told at once, then once a minute with a count.

import EventLoops
import Testing

@testable import Daemon

@Suite("RepeatedCondition")
struct RepeatedConditionTests {
    @Test("the first time is told, and the next not before a minute has passed")
    func interval() {
        var condition = RepeatedCondition<LoopInstant>()
        let times = [0, 1, 59_999, 60_000, 60_001, 119_999, 120_000].map { milliseconds in
            condition.occurred(at: LoopInstant(.milliseconds(milliseconds)))
        }
        #expect(times == [1, nil, nil, 3, nil, nil, 3])
    }

    @Test("every time is counted by exactly one telling")
    func count() {
        var condition = RepeatedCondition<LoopInstant>(interval: .seconds(1))
        let told = (0...1000).compactMap { condition.occurred(at: LoopInstant(.milliseconds($0 * 7))) }
        let rest = condition.occurred(at: LoopInstant(.seconds(100)))
        #expect(told.reduce(0, +) + (rest ?? 0) == 1002)
        #expect(told.count == 7)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Tasks that go on one in each turn.

internal import EventLoops
internal import TestSupport
internal import Testing

@Suite("TurnQueue")
struct TurnQueueTests {
    @Test("whoever waits goes on in order, and everything else has its turn between two of them")
    func oneATurn() async throws {
        try await onLoop { loop in
            let queue = TurnQueue(on: loop)
            let seen = EventLog<String>()
            let waiting = (0..<5).map { number in
                Task(executorPreference: loop) {
                    await queue.next()
                    seen.append("\(number)")
                }
            }
            let other = Task(executorPreference: loop) {
                for _ in 0..<20 {
                    await loop.yieldTurn()
                    seen.append("-")
                }
            }
            for task in waiting + [other] { await task.value }
            let order = seen.all
            #expect(order.filter { $0 != "-" } == ["0", "1", "2", "3", "4"])
            for pair in zip(order, order.dropFirst()) { #expect(pair.0 == "-" || pair.1 == "-", "\(order)") }
        }
    }
}

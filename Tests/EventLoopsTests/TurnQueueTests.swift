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
            let first = try #require(order.firstIndex(of: "0"))
            let last = try #require(order.firstIndex(of: "4"))
            // Four turns lie between them, of which the other task had each but perhaps the first or the last.
            #expect(order[first..<last].count { $0 == "-" } >= 3, "\(order)")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Tests of what waits for a slow caller.

internal import Testing
internal import Varlink

@Suite("reply queue")
struct ReplyQueueTests {
    @Test("all that waits is taken at once, in its order")
    func order() async throws {
        let queue = ReplyQueue<Int>(limit: 3)
        for number in 1...3 { #expect(queue.offer(number)) }
        #expect(try await queue.next() == [1, 2, 3])
        queue.offer(4)
        #expect(try await queue.next() == [4])
    }

    @Test("as many as the limit may wait, one more is an overflow, for good", arguments: [-1, 0, 1])
    func limit(excess: Int) async throws {
        let limit = 10
        let queue = ReplyQueue<Int>(limit: limit)
        for number in 0..<(limit + excess) { #expect(queue.offer(number) == (number < limit)) }
        if excess <= 0 {
            #expect(try await queue.next()?.count == limit + excess)
            #expect(queue.offer(0))
        } else {
            await #expect(throws: ReplyQueueOverflow(limit: limit)) { try await queue.next() }
            #expect(!queue.offer(0))
            queue.finish()
            await #expect(throws: ReplyQueueOverflow(limit: limit)) { try await queue.next() }
        }
    }

    @Test("what waits when it is finished is still taken, then it ends")
    func finish() async throws {
        let queue = ReplyQueue<Int>(limit: 3)
        queue.offer(1)
        queue.finish()
        queue.finish()
        #expect(!queue.offer(2))
        #expect(try await queue.next() == [1])
        #expect(try await queue.next() == nil)
    }

    @Test("a taker that waits is woken by an element, by the end, and by its cancellation")
    func waiting() async throws {
        let wakers: [(ReplyQueue<Int>, Task<[Int]?, any Error>) -> Void] = [
            { queue, _ in queue.offer(7) }, { queue, _ in queue.finish() }, { _, task in task.cancel() },
        ]
        for (waker, expected) in zip(wakers, [[7], nil, nil]) {
            // Whichever of the two comes first: the end is the same.
            for _ in 0..<50 {
                let queue = ReplyQueue<Int>(limit: 3)
                let task = Task { try await queue.next() }
                waker(queue, task)
                #expect(try await task.value == expected)
            }
        }
    }

    @Test("a cancelled taker gets what waits, and then the end")
    func cancelled() async throws {
        let queue = ReplyQueue<Int>(limit: 3)
        queue.offer(1)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return [try await queue.next(), try await queue.next()]
        }
        #expect(try await task.value == [[1], nil])
    }

    @Test("nothing is lost and nothing comes twice between threads")
    func threads() async throws {
        let queue = ReplyQueue<Int>(limit: 100_000)
        let taking = Task {
            var taken: [Int] = []
            while let elements = try await queue.next() { taken += elements }
            return taken
        }
        await withTaskGroup(of: Void.self) { group in
            for first in 0..<4 {
                group.addTask { for number in 0..<5_000 { queue.offer(number * 4 + first) } }
            }
        }
        queue.finish()
        #expect(try await taking.value.sorted() == Array(0..<20_000))
    }
}

// SPDX-License-Identifier: Apache-2.0
// The first of several answers: of a thread that may take long, and of a timer.

internal import EventLoops
internal import Synchronization

/// The first of several answers, from any thread.
final class FirstAnswer<Answer: Sendable>: Sendable {
    private let value = Mutex<Answer?>(nil)
    private let condition: LoopCondition
    private let loop: EventLoop

    /// There is none yet; it is awaited on `loop`.
    init(on loop: EventLoop) {
        self.loop = loop
        condition = LoopCondition(on: loop)
    }

    /// Gives an answer, which counts if it is the first.
    func give(_ answer: Answer) {
        value.withLock { $0 = $0 ?? answer }
        loop.execute { self.condition.signal() }
    }

    /// Returns the first answer when there is one; nil when the task is cancelled before.
    func wait() async -> Answer? {
        await condition.wait { self.value.withLock { $0 != nil } }
        return value.withLock(\.self)
    }
}

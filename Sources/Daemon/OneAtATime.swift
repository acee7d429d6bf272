// SPDX-License-Identifier: Apache-2.0
// Work of which one piece at a time is under way, and one waits: whoever asks meanwhile shares the one that waits.

internal import EventLoops

/// Work of which one piece at a time is under way.
///
/// A piece begins after everyone whom it answers has asked: it never answers by what was true before.
actor OneAtATime<Outcome: Sendable> {
    private let loop: EventLoop
    private var underWay: Task<Outcome, Never>?
    private var waiting: Task<Outcome, Never>?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Nothing is under way.
    init(on loop: EventLoop) { self.loop = loop }

    /// Does `work` when nothing is under way any more, or shares what waits for that already.
    ///
    /// It goes on when the caller is cancelled.
    func run(_ work: @escaping @Sendable () async -> Outcome) async -> Outcome {
        if let waiting { return await waiting.value }
        let before = underWay
        let next = Task(executorPreference: loop) {
            _ = await before?.value
            await self.begins()
            let outcome = await work()
            await self.ends()
            return outcome
        }
        waiting = next
        return await next.value
    }

    /// Whether nothing is under way, and nothing waits.
    var isIdle: Bool { underWay == nil && waiting == nil }

    private func begins() {
        underWay = waiting
        waiting = nil
    }

    private func ends() { underWay = nil }
}

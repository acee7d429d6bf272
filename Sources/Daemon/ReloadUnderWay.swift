// SPDX-License-Identifier: Apache-2.0
// The part of a reload that takes its time, listeners that close and open, and the wait for it.

internal import EventLoops
internal import ServiceConfig
internal import Synchronization

/// A reload under way: what is closing, which others may wait for, and what is opening.
struct ReloadUnderWay {
    /// The addresses that are being closed.
    var closing: [ListenerReference: ReloadStep] = [:]
    /// Those that are being opened, in the order of the services' names.
    var opening: [(address: ListenerReference, step: ReloadStep)] = []

    /// Returns when all has ended, or after `patience`: then the rest goes on by itself.
    func ended(within patience: Duration, on loop: EventLoop) async {
        let end = ReloadEnd(on: loop)
        // Until `patience` is over the caller waits for it; it only waits itself.
        _ = Task(executorPreference: loop) { [closing, opening = opening.map(\.step)] in
            for step in closing.values { await step.value }
            for step in opening { await step.value }
            end.come()
        }
        let timer = loop.schedule(after: patience) { end.come() }
        await end.wait()
        timer.cancel()
    }
}

/// The moment at which nobody waits any more for what a reload has begun.
private final class ReloadEnd: Sendable {
    private let hasCome = Mutex(false)
    private let changed: LoopCondition

    /// It has not come.
    init(on loop: EventLoop) { changed = LoopCondition(on: loop) }

    /// It comes.
    func come() {
        hasCome.withLock { $0 = true }
        changed.signal()
    }

    /// Returns when it has come, or the task is cancelled.
    func wait() async { await changed.wait { self.hasCome.withLock { $0 } } }
}

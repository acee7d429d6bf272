// SPDX-License-Identifier: Apache-2.0
// The part of a reload that takes its time, listeners that close and open, and the wait for it.

internal import EventLoops
internal import ServiceConfig

/// A reload under way: what is closing, which others may wait for, and what is opening.
struct ReloadUnderWay {
    /// The addresses that are being closed.
    var closing: [ListenerReference: ReloadStep] = [:]
    /// Those that are being opened, in the order of the services' names.
    var opening: [(address: ListenerReference, step: ReloadStep)] = []

    /// Returns when all has ended, or after `patience`: then the rest goes on by itself.
    func ended(within patience: Duration, on loop: EventLoop) async {
        let end = FirstAnswer<Void>(on: loop)
        // Until `patience` is over the caller waits for it; it only waits itself.
        _ = Task(executorPreference: loop) { [closing, opening = opening.map(\.step)] in
            for step in closing.values { await step.value }
            for step in opening { await step.value }
            end.give(())
        }
        let timer = loop.schedule(after: patience) { end.give(()) }
        await end.wait()
        timer.cancel()
    }
}

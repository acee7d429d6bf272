// SPDX-License-Identifier: Apache-2.0
// Runs the body of a test on an event loop of its own.

package import EventLoops
internal import Synchronization

/// An event loop on a thread of its own, for as long as a test needs it.
private final class LoopThread: Sendable {
    private struct State {
        var stop: CheckedContinuation<Void, Never>?
        var isStopping = false
    }
    private let state = Mutex(State())

    func waitForStop() async {
        await withCheckedContinuation { continuation in
            let isStopping = state.withLock { state in
                state.stop = continuation
                return state.isStopping
            }
            if isStopping { stop() }
        }
    }

    func stop() {
        let continuation = state.withLock { state in
            state.isStopping = true
            defer { state.stop = nil }
            return state.stop
        }
        continuation?.resume()
    }
}

/// Runs `body` on a new event loop, as ``EventLoop/run(_:)`` does, within the test's own task so that its expectations
/// are counted for the test.
package func onLoop<Result: Sendable>(
    clock: any LoopClock = MonotonicClock(), _ body: @escaping @Sendable (EventLoop) async throws -> Result
) async throws -> Result {
    let harness = LoopThread()
    let ended = OneShot<Void>()
    let loop = await withCheckedContinuation { (started: CheckedContinuation<EventLoop, Never>) in
        startThread {
            do {
                try EventLoop.run(clock: clock) {
                    guard let loop = EventLoop.current else { preconditionFailure("run sets the current loop") }
                    started.resume(returning: loop)
                    await harness.waitForStop()
                }
            } catch {
                preconditionFailure("the body of the run throws nothing: \(error)")
            }
            ended.fulfil(())
        }
    }
    let outcome: Swift.Result<Result, any Error>
    do {
        let value = try await EventLoop.$current.withValue(loop) {
            try await withTaskExecutorPreference(loop) { try await body(loop) }
        }
        outcome = .success(value)
    } catch {
        outcome = .failure(error)
    }
    harness.stop()
    await ended.value()
    return try outcome.get()
}

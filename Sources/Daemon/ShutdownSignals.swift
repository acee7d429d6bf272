// SPDX-License-Identifier: Apache-2.0
// The signals that the daemon obeys: TERM and INT stop it, HUP has it reload its configuration.

internal import Descriptors
internal import EventLoops
internal import Glibc

/// The signals that the daemon obeys.
///
/// They must be blocked before any thread is started, by ``block()``.
// Safe: the state is touched only on the loop's thread.
package final class ShutdownSignals: @unchecked Sendable {
    private let loop: EventLoop
    private let hangUp: () -> Void
    private let changed: LoopCondition
    private var watch: SignalWatch?
    private var count = 0

    /// Blocks them in the calling thread and all that it will start, and ignores SIGPIPE: a peer that has gone is an
    /// error of the write.
    package static func block() {
        SignalWatch.block([SIGTERM, SIGINT, SIGHUP])
        signal(SIGPIPE, SIG_IGN)
    }

    /// Begins to watch; `hangUp` is called on the loop for each SIGHUP.
    ///
    /// - Throws: ``StartFailure`` when they are not blocked.
    init(on loop: EventLoop, hangUp: @escaping () -> Void) throws(StartFailure) {
        self.loop = loop
        self.hangUp = hangUp
        changed = LoopCondition(on: loop)
        do {
            watch = try SignalWatch([SIGTERM, SIGINT, SIGHUP], on: loop) { [unowned self] in self.arrived($0) }
        } catch {
            throw StartFailure(.operatingSystem, "cannot watch for signals: \(error.textWithName)")
        }
    }

    /// Waits for the first one that stops the daemon.
    func first() async { await changed.wait { self.count >= 1 } }

    /// Waits for one more; false when the task was cancelled instead.
    func another() async -> Bool { await changed.wait { self.count >= 2 } }

    /// Stops watching.
    func cancel() { watch?.cancel() }

    private func arrived(_ signal: CInt) {
        guard signal != SIGHUP else { return hangUp() }
        count += 1
        changed.signal()
    }
}

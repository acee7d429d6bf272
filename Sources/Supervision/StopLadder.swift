// SPDX-License-Identifier: Apache-2.0
// How a handler is ended, as a value: signals in order, with the time that each is given; and the climb on the loop.

internal import EventLoops
internal import Glibc

/// Signals in order, each with the time before the next one; SIGKILL is always the last.
package struct StopLadder: Equatable, Sendable {
    /// One signal and how long to wait for its effect.
    package struct Rung: Equatable, Sendable {
        /// The signal; none where the processes were asked by other means.
        package var signal: Int32?
        /// How long the processes are given.
        package var grace: Duration

        /// A rung of these two.
        package init(signal: Int32?, grace: Duration) {
            self.signal = signal
            self.grace = grace
        }
    }
    /// What comes before SIGKILL.
    package var rungs: [Rung]

    /// A ladder of these rungs, and SIGKILL.
    package init(_ rungs: [Rung]) {
        self.rungs = rungs
    }

    /// SIGTERM, and SIGKILL after `grace`.
    package static func terminate(grace: Duration) -> StopLadder {
        StopLadder([Rung(signal: SIGTERM, grace: grace)])
    }

    /// SIGKILL after `grace`, and nothing before.
    package static func wait(_ grace: Duration) -> StopLadder {
        StopLadder([Rung(signal: nil, grace: grace)])
    }

    /// SIGKILL at once.
    package static let kill = StopLadder([])

    /// The time from the first signal to SIGKILL.
    package var timeToKill: Duration { rungs.reduce(.zero) { $0 + $1.grace } }
}

/// A stop ladder being climbed.
struct Climb {
    let killsAt: Duration
    /// To the next rung; `nil` at the top.
    let timer: LoopTimer?

    var isAtTop: Bool { timer == nil }
}

extension HandlerProcess {
    /// Whether it was told to end.
    package enum StopStage: Sendable {
        /// It was not.
        case none
        /// By a signal that it may catch.
        case asked
        /// By SIGKILL.
        case killed
    }

    /// How far it has been told to end, or had been when it ended.
    ///
    /// Only on the loop.
    package var stopStage: StopStage {
        guard let climb else { return .none }
        return climb.isAtTop ? .killed : .asked
    }

    /// Ends the process and its group by `ladder`.
    ///
    /// Only on the loop; await ``exited()`` for the end.
    ///
    /// When it is being stopped already, only a ladder that comes to SIGKILL sooner changes anything. When processes of
    /// the group outlive the leader, the ladder is climbed for them, and ``exited()`` returns when they are gone.
    package func stop(_ ladder: StopLadder) {
        loop.preconditionOnLoop()
        let killsAt = loop.now + ladder.timeToKill
        guard canBeSignalled, climb.map({ killsAt < $0.killsAt }) ?? true else { return }
        climb?.timer?.cancel()
        take(ladder.rungs[...], killsAt: killsAt)
    }

    private func take(_ rungs: ArraySlice<StopLadder.Rung>, killsAt: Duration) {
        guard let rung = rungs.first else {
            signalGroup(SIGKILL)
            ownGroup?.kill()
            // From now on no ladder is faster.
            climb = Climb(killsAt: .zero, timer: nil)
            return groupWasKilled()
        }
        if let signal = rung.signal { signalGroup(signal) }
        // A stopped process acts on a signal only once it goes on.
        signalGroup(SIGCONT)
        let timer = loop.schedule(after: rung.grace) { self.take(rungs.dropFirst(), killsAt: killsAt) }
        climb = Climb(killsAt: killsAt, timer: timer)
    }
}

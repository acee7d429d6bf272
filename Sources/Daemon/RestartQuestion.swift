// SPDX-License-Identifier: Apache-2.0
// Whether the daemon that is told to stop is to be started again at once: the service manager knows.

internal import Descriptors
internal import EventLoops
internal import Logging
internal import SystemPackage
internal import Systemd

/// The question whether what stops the daemon is a restart.
enum RestartQuestion {
    private enum Answer {
        case state(UnitState)
        case failure(Errno)
        case none
    }

    /// How long the service manager has for its answer.
    private static let patience = Duration.seconds(3)

    /// Whether the service manager is restarting our unit, and keeps for the next daemon what it needs to go on.
    ///
    /// No when nobody knows: a stop ends programs, but never leaves one that nobody will look after.
    static func isBeingRestarted(on loop: EventLoop, logger: Logger) async -> Bool {
        guard Notifier().isConnected else { return false }
        let answer = FirstAnswer<Answer>(on: loop)
        // On a thread of its own: the manager may be busy, and connections go on meanwhile.
        do throws(Errno) { try PlainThread.start(name: "serverd-job") { answer.give(ask()) } } catch {
            answer.give(.failure(error))
        }
        let timer = loop.schedule(after: patience) { answer.give(.none) }
        defer { timer.cancel() }
        switch await answer.wait() ?? .none {
        case .state(let unit): return unit.job == .restart && unit.keepsProcesses
        case .failure(let errno): tell(errno.textWithName, logger)
        case .none: tell("no answer in \(patience)", logger)
        }
        return false
    }

    private static func ask() -> Answer {
        do throws(Errno) { return .state(try UnitState.ofThisProcess()) } catch { return .failure(error) }
    }

    private static func tell(_ reason: String, _ logger: Logger) {
        logger.warning(
            "cannot ask systemd whether this is a restart, and stops as if it were none",
            metadata: ["error": .string(reason)])
    }
}

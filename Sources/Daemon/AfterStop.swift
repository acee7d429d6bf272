// SPDX-License-Identifier: Apache-2.0
// What systemd has done when the daemon has ended, however it ended (ExecStopPost=): programs go on only if a daemon comes.

internal import Descriptors
internal import Glibc
internal import Supervision
internal import SystemPackage
internal import Systemd

/// What is done in the unit when its daemon is gone.
package enum AfterStop {
    /// Ends what is left in the control groups, if the unit is being stopped or nobody starts a daemon again; makes them
    /// fit for the next daemon.
    ///
    /// When nobody knows whether it is being stopped, programs go on: after a crash the next daemon adopts them.
    package static func run() -> ExitCode {
        var job: UnitJob?
        do throws(Errno) { job = try UnitState.ofThisProcess().job } catch {
            let text = "serverd: cannot ask systemd whether this is a stop, so programs go on: \(error.textWithName)\n"
            _ = write(STDERR_FILENO, text, text.utf8.count)
        }
        ControlGroups.clearAfterStop(ending: job == .stop || nobodyComes)
        return .success
    }

    /// Whether the daemon has ended with a code after which systemd starts none (`RestartPreventExitStatus=`).
    private static var nobodyComes: Bool {
        guard let code = getenv("EXIT_STATUS").map({ String(cString: $0) }) else { return false }
        return [ExitCode.usage, .configuration].contains { code == "\($0.rawValue)" }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl reexec`.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy
internal import Varlink

/// Replaces the daemon by the program that is at its path now.
struct Reexec: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "reexec",
        abstract: "Has the daemon go on as the program that is at its path now, as after an upgrade.",
        discussion: """
            The process stays the same, and so do listeners, connections of programs, their ids, counters, limits and \
            suspensions. The configuration is read anew. Nothing happens if the new program cannot take over.

            Exit status: 0 done; 1 not replaced, the former one goes on, or failed; 2 wrong usage; 4 not permitted, or \
            no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Has the daemon do it, connects to the one that serves then, and tells which it is.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        let before = try daemonStatus(context, to: "look at serverd")
        let last = try replace(context)
        let after = try daemonStatus(context, to: "look at serverd")
        guard after.images != before.images, after.reexecFailure == nil else {
            let reason = after.reexecFailure ?? "see serverd's log"
            throw Failure(
                status: .failed,
                message: "not replaced: the new image could not start, and serverd \(after.version) goes on: "
                    + SafeText.escape(reason))
        }
        output.print(after, context) {
            "serverd \(after.version) has taken the place of serverd \(before.version)"
                + ((last.ended ?? 0) > 0 ? "; ended connections: \(last.ended ?? 0)" : "") + "\n"
        }
        return .done
    }

    /// - Returns: the daemon's last word, after which it closed the connection.
    private func replace(_ context: Context) throws(Failure) -> Manager.Reexec.Result {
        var client = try client(context)
        try client.waitForever()
        try client.begin(Manager.Reexec.self, .init(), mode: .more)
        var last: Manager.Reexec.Result?
        while true {
            if let reply = try client.answer(to: Manager.Reexec.self, to: "replace serverd") {
                last = reply
                continue
            }
            do throws(Failure) {
                try client.receive(for: Manager.Reexec.fullName)
            } catch {
                // So it ends when the daemon is replaced.
                guard let last, last.step == .replacing else { throw error }
                return last
            }
        }
    }
}

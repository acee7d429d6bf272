// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl check`.

internal import ArgumentParser
internal import ManagerInterface

/// Checks the configuration that a reload would put into effect.
struct Check: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Has the daemon check its configuration, without putting it into effect.",
        discussion: """
            Without a daemon, "serverd --check" does it. With --json it prints what a reload would change, or the \
            mistakes. Exit status: 0 the configuration is right; 1 it is not, or failed; 2 wrong usage; 4 not \
            permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Has the daemon plan a reload, which reads all of the configuration, and tells only whether it could.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let reply = try read(by: Manager.Plan.self, &client, to: "accept the configuration", output, context)
        output.print(reply, context) {
            let isSame = reply.changes.services.isEmpty && reply.changes.settings.isEmpty
            return "The configuration is right"
                + (isSame ? ", and in effect.\n" : "; a reload would change what is in effect.\n")
        }
        return .done
    }
}

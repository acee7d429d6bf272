// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl reload`.

internal import ArgumentParser
internal import ManagerInterface
internal import Varlink

/// Puts the configuration into effect.
struct Reload: DaemonVerb {
    static let configuration = CommandConfiguration(
        abstract: "Has the daemon read its configuration and put it into effect: all of it, or nothing.",
        discussion: """
            Exit status: 0 done; 1 the configuration has mistakes, which are printed, and nothing was changed, or \
            failed; 2 wrong usage; 4 not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Has the daemon do it, and prints what it has changed.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let reply = try client.call(Manager.Reload.self, .init(), to: "reload")
        output.print(reply, context) {
            ChangesText(
                changes: reply.changes, style: Style(colour: context.mayColour), legend: !output.noLegend
            ).text
        }
        return .done
    }
}

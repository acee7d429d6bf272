// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl reload`.

internal import ArgumentParser
internal import ManagerInterface

/// Puts the configuration into effect.
struct Reload: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Has the daemon read its configuration and put it into effect: all of it, or nothing.",
        discussion: """
            Exit status: 0 done; 1 the configuration has mistakes, which are printed, and nothing was changed, or \
            failed; 2 wrong usage; 4 not permitted, or no daemon; 69 the configuration is in effect, but an address \
            that it adds cannot be listened on.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Has the daemon do it, and prints what it has changed.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let reply = try read(by: Manager.Reload.self, &client, to: "reload", output, context)
        output.print(reply, context) {
            ChangesText(
                changes: reply.changes, notListening: reply.notListening, style: Style(colour: context.mayColour),
                legend: !output.noLegend
            ).text
        }
        // One that waits for who had the address before is nobody's failure.
        let failed = reply.notListening.filter { $0.failure != nil }
        guard !failed.isEmpty else { return .done }
        throw Failure(
            status: .notListening,
            message: "reloaded, but \(NotListeningText.summary(failed)); the rest of the configuration is in effect",
            details: NotListeningText.lines(failed, now: context.now()))
    }
}

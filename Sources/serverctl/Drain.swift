// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl drain`.

internal import ArgumentParser
internal import ManagerInterface

/// Closes all services and ends their connections.
struct Drain: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Closes all services, and ends their connections.",
        discussion: """
            The daemon itself goes on, and its services can be opened again. Exit status: 0 drained; 1 failed; 2 \
            wrong usage; 4 not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions

    @Option(
        help: ArgumentHelp(
            "How long until connections that are left are sent SIGKILL (default: the configured timeouts).",
            valueName: "duration"))
    var deadline: DurationArgument?

    @Option(
        help: ArgumentHelp(
            "How long connections may go on before they are asked to end (default: the configured timeouts).",
            valueName: "duration"))
    var grace: DurationArgument?

    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Has the daemon drain, and tells what came of it.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        let words = ClosingWords(
            action: "drain all services", title: "Draining all services", done: "Drained all services")
        return try close(
            by: Manager.Drain.self, .init(grace: grace?.microseconds, deadline: deadline?.microseconds), words, output,
            context
        ) { ClosingSummary.line(words.done, $0.progress) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The options by which verbs are told what to print, and the types of their values.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy

/// How a verb prints what it sees, or what came of what it did.
struct OutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Print JSON: pretty, short (on one line) or off. --json alone means pretty.", valueName: "mode"))
    var json = JSONMode.off

    @Flag(name: .shortAndLong, help: "Print nothing but errors.")
    var quiet = false

    @Flag(name: .customLong("no-legend"), help: "Print a table's lines alone: neither headings nor what stands below.")
    var noLegend = false

    @Flag(name: .customLong("no-pager"), help: "Has no effect, for habit's sake: serverctl starts no pager.")
    var noPager = false

    /// Prints a result: in JSON if that is asked for, else as `text` has it.
    func print(_ result: some Encodable, _ context: Context, or text: () -> String) {
        guard !quiet else { return }
        context.print(json.render(result, or: text))
    }

    /// Prints text, where no JSON is asked for.
    func print(_ context: Context, text: () -> String) {
        if !quiet { context.print(text()) }
    }
}

/// A duration on the command line, written as in the configuration.
struct DurationArgument: ExpressibleByArgument {
    /// The duration.
    let microseconds: Int64

    /// Reads `30s`, `1min 30s` or `2h`.
    init?(argument: String) {
        guard let duration = Duration(text: argument) else { return nil }
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return nil }
        microseconds = whole + attoseconds / 1_000_000_000_000
    }
}

extension ExistingConnections: ExpressibleByArgument {}
extension ConnectionState: ExpressibleByArgument {}
extension EventKind: ExpressibleByArgument {}

extension CompletionKind {
    /// The names of the daemon's services.
    static var services: CompletionKind { .shellCommand("serverctl names services 2>/dev/null") }
    /// The ids of the daemon's connections.
    static var connections: CompletionKind { .shellCommand("serverctl names connections 2>/dev/null") }
    /// Both.
    static var servicesAndConnections: CompletionKind { .shellCommand("serverctl names all 2>/dev/null") }
}

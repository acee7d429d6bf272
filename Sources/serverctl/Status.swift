// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl status`.

internal import ArgumentParser
internal import ManagerInterface
internal import Varlink

/// How a result is written in JSON, if at all; systemd's words.
enum JSONMode: String, CaseIterable, ExpressibleByArgument {
    case pretty, short, off
}

/// Shows what services are doing.
struct Status: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Shows what the services are doing.",
        discussion: """
            Exit status: 0 everything asked about is serving; 1 failed; 2 wrong usage; 3 something is not serving; \
            4 no such service, not permitted, or no daemon.
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(
        help: ArgumentHelp(
            "Print JSON: pretty, short (on one line) or off. --json alone means pretty.", valueName: "mode"))
    var json = JSONMode.off

    @Flag(name: .customLong("no-legend"), help: "Print neither the headings nor the closing line of the table.")
    var noLegend = false

    @Argument(help: "The service to show; all of them if none is given.")
    var service: String?

    @ParentCommand var parent: Serverctl

    /// The arguments with the mode that a bare `--json` stands for: an option's value is optional only after `=`.
    static func withDefaultJSON(_ arguments: [String]) -> [String] {
        let options = arguments.prefix { $0 != "--" }
        return options.map { $0 == "--json" ? "--json=\(JSONMode.pretty.rawValue)" : $0 }
            + arguments.dropFirst(options.count)
    }

    /// Asks the daemon and prints what it says.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        let path = (connection.adminSocket == nil ? parent.connection : connection).path(context)
        var client = try ManagerClient(path: path)
        let result: GetStatus.Result = try client.call(
            "\(Manager.interfaceName).\(GetStatus.name)", GetStatus.Parameters(service: service),
            failure: Self.failure)
        context.print(render(result, context))
        return result.services.allSatisfy(\.state.isServing) ? .done : .notServing
    }

    private func render(_ result: GetStatus.Result, _ context: Context) -> String {
        let style = Style(colour: context.mayColour)
        let now = context.now()
        switch json {
        case .pretty: return TerminalJSON.render(result, pretty: true)
        case .short: return TerminalJSON.render(result, pretty: false)
        case .off:
            guard service != nil else {
                return StatusTable(services: result.services, now: now, style: style, legend: !noLegend).text
            }
            return result.services.map { StatusDetail(service: $0, now: now, style: style).text }.joined(
                separator: "\n")
        }
    }

    private static func failure(_ error: VarlinkError) -> Failure? {
        guard error.name == VarlinkError.noSuchServiceName else { return nil }
        let name = error.parameters["service"]?.string ?? ""
        let advice = error.parameters["nearest"]?.string.map { "did you mean \"\($0)\"?" }
        return Failure(
            status: .unreachable,
            message: "there is no service \"\(name)\"; "
                + (advice ?? "\"serverctl status\" lists all"))
    }
}

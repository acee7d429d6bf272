// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl status`.

internal import ArgumentParser
internal import ManagerInterface

/// Shows what services are doing.
struct Status: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows what the services are doing.",
        discussion: """
            Exit status: 0 everything asked about is serving; 1 failed; 2 wrong usage; 3 something is not serving; \
            4 no such service, not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions

    @OptionGroup var output: OutputOptions

    @Argument(help: "The service to show; all of them if none is given.", completion: .services)
    var service: String?

    @ParentCommand var parent: Serverctl

    /// Asks the daemon and prints what it says.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let result = try client.call(
            Manager.GetStatus.self, GetStatus.Parameters(service: service),
            to: service.map { "show the status of \"\($0)\"" } ?? "show the status")
        output.print(result, context) { render(result, context) }
        return result.services.allSatisfy(\.isServing) ? .done : .notServing
    }

    private func render(_ result: GetStatus.Result, _ context: Context) -> String {
        let style = Style(colour: context.mayColour)
        let now = context.now()
        guard service != nil else {
            return StatusTable(services: result.services, now: now, style: style, legend: !output.noLegend).text
        }
        return result.services.map { StatusDetail(service: $0, now: now, style: style).text }.joined(separator: "\n")
    }
}

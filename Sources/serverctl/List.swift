// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl list`.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy
internal import Varlink

/// Lists the services.
struct List: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the services: what each is doing, where, and what for.",
        discussion: "Exit status: 0 done; 1 failed; 2 wrong usage; 4 not permitted, or no daemon.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Asks the daemon and prints what it says.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let services = try client.allServices()
        let result = Manager.ListServices.Result(services: services, complete: true)
        output.print(result, context) {
            ServiceList(
                services: services, now: context.now(), style: Style(colour: context.mayColour),
                legend: !output.noLegend
            ).text
        }
        return .done
    }
}

extension ManagerClient {
    /// All services.
    ///
    /// They come in as many replies as it takes, so that no number is too many. No other call can be made then.
    mutating func allServices() throws(Failure) -> [ServiceStatus] {
        var isComplete = false
        var services: [ServiceStatus] = []
        let method = Manager.ListServices.self
        try stream(method, .init(), to: "list the services") { reply throws(Failure) in
            services += reply.services
            isComplete = reply.complete
            return !isComplete
        }
        guard isComplete else { throw Failure(incomplete: "list the services") }
        return services
    }
}

/// The table of all services, for finding one, and why some do not serve; that of `status` tells how they fare.
struct ServiceList {
    /// The services, in the order of their lines.
    let services: [ServiceStatus]
    /// The time, in microseconds since the epoch.
    let now: Int64
    /// How it looks.
    let style: Style
    /// Whether there are headings, reasons and a closing line.
    let legend: Bool

    private static let columns = [
        ("SERVICE", false), ("STATE", false), ("CONNECTIONS", true), ("ADDRESSES", false), ("DESCRIPTION", false),
    ]

    /// The whole output.
    var text: String {
        guard !services.isEmpty else { return legend ? "No services.\n" : "" }
        let rows = services.map { service in
            [
                Cell(service.name), Cell(service.state.rawValue, colour: service.state.colour),
                Cell("\(service.connections)/\(service.connectionLimit)"),
                Cell(service.addresses.joined(separator: ",")), Cell(service.description ?? "-"),
            ]
        }
        var lines = Table(columns: Self.columns, rows: rows, style: style, legend: legend).lines
        if legend {
            let failures = services.compactMap { StatusText.failure($0, now: now) }
            if !failures.isEmpty { lines += [""] + failures }
            lines += ["", CountText.of(services.count, "service") + "."]
        }
        return lines.map { $0 + "\n" }.joined()
    }
}

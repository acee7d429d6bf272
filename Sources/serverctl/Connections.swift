// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl connections`.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy
internal import Varlink

/// Lists connections.
struct Connections: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "Lists connections: all of them, or those that all given conditions hold for.",
        discussion: "Exit status: 0 done; 1 failed; 2 wrong usage; 4 not permitted, or no daemon.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var filter: FilterOptions
    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Asks the daemon and prints what it says.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        guard output.json == .off else {
            let empty = ListConnectionsAsJSON.Result(connections: JSONList(), complete: true)
            var list = TerminalJSONList(in: empty, pretty: output.json == .pretty)
            try client.list(ListConnectionsAsJSON.self, filter.filter) { list.append(contentsOf: $0) }
            list.finish()
            for text in list.texts { output.print(context) { text } }
            return .done
        }
        let connections = try client.allConnections(filter.filter)
        output.print(context) {
            ConnectionTable(
                connections: connections, now: context.now(), style: Style(colour: context.mayColour),
                legend: !output.noLegend
            ).text
        }
        return .done
    }
}

/// The method ListConnections, whose connections nobody here looks at: thousands are printed as they come.
private enum ListConnectionsAsJSON: ConnectionListing {
    static let interface = Manager.ListConnections.interface
    static let name = Manager.ListConnections.name

    /// What is replied.
    struct Result: ConnectionList {
        let connections: JSONList
        let complete: Bool

        enum CodingKeys: String, CodingKey, CaseIterable {
            case connections, complete
        }
    }
}

/// A form of the method ListConnections.
private protocol ConnectionListing: VarlinkMethod
where Parameters == Manager.ListConnections.Parameters, Result: ConnectionList {}
extension Manager.ListConnections: ConnectionListing {}

/// A form of its replies.
private protocol ConnectionList: VarlinkObject {
    associatedtype Connections
    var connections: Connections { get }
    var complete: Bool { get }
}
extension Manager.ListConnections.Result: ConnectionList {}

extension ManagerClient {
    /// All connections that a filter holds for, with what they use if `usage`.
    ///
    /// They come in as many replies as it takes, so that no number is too many. No other call can be made then.
    mutating func allConnections(
        _ filter: ConnectionFilter? = nil, usage: Bool = true
    ) throws(Failure) -> [ConnectionStatus] {
        var connections: [ConnectionStatus] = []
        try list(Manager.ListConnections.self, filter, usage: usage) { connections += $0 }
        return connections
    }

    fileprivate mutating func list<Method: ConnectionListing>(
        _ method: Method.Type, _ filter: ConnectionFilter?, usage: Bool = true,
        receive: (Method.Result.Connections) -> Void
    ) throws(Failure) {
        var isComplete = false
        let parameters = Manager.ListConnections.Parameters(filter: filter, usage: usage ? nil : false)
        try stream(method, parameters, to: "list connections") { reply throws(Failure) in
            receive(reply.connections)
            isComplete = reply.complete
            return !isComplete
        }
        guard isComplete else { throw Failure(incomplete: "list connections") }
    }
}

/// The table of connections.
struct ConnectionTable {
    /// The connections, in the order of their lines.
    let connections: [ConnectionStatus]
    /// The time, in microseconds since the epoch.
    let now: Int64
    /// How it looks.
    let style: Style
    /// Whether there are headings and a closing line.
    let legend: Bool

    private static let columns = [
        ("ID", true), ("SERVICE", false), ("STATE", false), ("PEER", false), ("AGE", false), ("PID", true),
        ("CPU", true), ("MEMORY", true), ("IN", true), ("OUT", true),
    ]

    /// The whole output.
    var text: String {
        guard !connections.isEmpty else { return legend ? "No connections.\n" : "" }
        var lines = Table(columns: Self.columns, rows: connections.map(cells), style: style, legend: legend).lines
        if legend { lines += ["", CountText.of(connections.count, "connection") + "."] }
        return lines.map { $0 + "\n" }.joined()
    }

    private func cells(_ connection: ConnectionStatus) -> [Cell] {
        [
            Cell("\(connection.id)"), Cell(connection.service),
            Cell(connection.state.rawValue, colour: connection.state.colour), Cell(ConnectionText.peer(connection)),
            Cell(TimeText.span(from: connection.startTimestamp, to: now)), Cell(connection.pid.map { "\($0)" } ?? "-"),
            Cell(connection.cpuTime.map(TimeText.fineSpan) ?? "-"), Cell(connection.memory.map(SizeText.of) ?? "-"),
            Cell(connection.bytesIn.map(SizeText.of) ?? "-"), Cell(connection.bytesOut.map(SizeText.of) ?? "-"),
        ]
    }
}

// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl show`.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy

/// Shows everything about one service or connection.
struct Show: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows everything about one connection or service.",
        discussion: """
            A number is a connection's id, unless --origin is given. Exit status: 0 done; 1 failed; 2 wrong usage; 4 \
            no such connection or service, not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    @Flag(help: "Show a service's settings in effect, each with the file and line where it was made.")
    var origin = false

    @Argument(
        help: ArgumentHelp("A connection's id, or a service's name.", valueName: "id-or-service"),
        completion: .servicesAndConnections)
    var subject: String

    @ParentCommand var parent: Serverctl

    /// Asks the daemon and prints what it says.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let style = Style(colour: context.mayColour)
        if !origin, let id = UInt64(subject) {
            let result = try client.call(
                Manager.DescribeConnection.self, .init(id: id), to: "show connection \(id)")
            output.print(result, context) {
                ConnectionDetail(description: result, now: context.now(), style: style).text
            }
            return .done
        }
        let result = try client.call(
            Manager.DescribeService.self, .init(service: subject), to: "show service \"\(subject)\"")
        output.print(result, context) {
            let settings = SettingTable(
                settings: result.settings, origin: origin, style: style, legend: !output.noLegend
            ).text
            let status = StatusDetail(
                service: result.service, now: context.now(), style: style, controlGroup: result.controlGroup
            ).text
            return origin ? settings : status + (settings.isEmpty ? "" : "\n" + settings)
        }
        return .done
    }
}

/// A service's settings in effect, a line each.
struct SettingTable {
    /// The settings, in the order of their lines.
    let settings: [Setting]
    /// Whether it is told where each was made.
    let origin: Bool
    /// How it looks.
    let style: Style
    /// Whether there are headings.
    let legend: Bool

    /// The whole output.
    var text: String {
        guard !settings.isEmpty else { return "" }
        let columns = [("SETTING", false), ("VALUE", false)] + (origin ? [("ORIGIN", false)] : [])
        let rows = settings.map { setting in
            [Cell(setting.key), Cell(setting.value ?? "-")] + (origin ? [Cell(place(setting))] : [])
        }
        return Table(columns: columns, rows: rows, style: style, legend: legend).lines.map { $0 + "\n" }.joined()
    }

    private func place(_ setting: Setting) -> String {
        switch setting.origin {
        case .file: (setting.file ?? "the configuration") + (setting.line.map { ":\($0)" } ?? "")
        case .default: "default"
        case .operator: "serverctl set-limit"
        }
    }
}

/// One connection, a line for each thing there is to say.
struct ConnectionDetail {
    /// What the daemon told.
    let description: Manager.DescribeConnection.Result
    /// The time, in microseconds since the epoch.
    let now: Int64
    /// How it looks.
    let style: Style

    /// The whole output.
    var text: String {
        let connection = description.connection
        return FieldList(
            title: "Connection \(connection.id) of \(SafeText.escape(connection.service))",
            fields: identity(connection) + handler(connection) + usage(connection)
        ).text
    }

    private func identity(_ connection: ConnectionStatus) -> [(key: String, value: String)] {
        let start = connection.startTimestamp
        var fields = [
            ("State", style.paint(connection.state.rawValue, connection.state.colour)),
            ("Since", "\(TimeText.point(start)); \(TimeText.span(from: start, to: now)) ago"),
            ("Transport", connection.transport.rawValue), ("Peer", SafeText.escape(connection.peer)),
        ]
        if let peer = connection.unixPeer {
            fields.append(("Peer is", "uid \(peer.uid), gid \(peer.gid), pid \(peer.pid)"))
        }
        return fields + [("Local address", SafeText.escape(connection.localAddress))]
    }

    private func handler(_ connection: ConnectionStatus) -> [(key: String, value: String)] {
        var fields: [(key: String, value: String)] = []
        if let command = description.command {
            fields.append(("Command", SafeText.escape(command.joined(separator: " "))))
        }
        if let builtin = description.builtin { fields.append(("Built-in", SafeText.escape(builtin))) }
        if let user = description.user { fields.append(("User", SafeText.escape(user))) }
        if let pid = connection.pid { fields.append(("Process", "\(pid)")) }
        return fields
    }

    private func usage(_ connection: ConnectionStatus) -> [(key: String, value: String)] {
        var fields: [(key: String, value: String)] = []
        if let time = connection.cpuTime { fields.append(("Processor time", TimeText.fineSpan(time))) }
        if let memory = connection.memory { fields.append(("Memory", SizeText.of(memory))) }
        if let bytes = connection.bytesIn { fields.append(("Bytes in", "\(bytes)")) }
        if let bytes = connection.bytesOut { fields.append(("Bytes out", "\(bytes)")) }
        return fields
    }
}

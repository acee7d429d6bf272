// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl close`.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy

/// Closes a service, a connection, or the connections that conditions hold for.
struct Close: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Closes a service, one connection, or the connections that all given conditions hold for.",
        discussion: """
            A closed service listens no more until it is opened; what becomes of its connections, --existing says: \
            keep leaves them alone, stop sends their handlers SIGTERM, shutdown shuts their streams down, and what is \
            left at the deadline is sent SIGKILL. Connections that are closed by --connection or by conditions leave \
            their service open.

            Exit status: 0 closed; 1 failed; 2 wrong usage; 4 no such service or connection, not permitted, or no \
            daemon.
            """)

    @OptionGroup var daemon: DaemonOptions

    @Option(
        name: .customLong("connection"), help: ArgumentHelp("Close the connection with this id.", valueName: "id"),
        completion: .connections)
    var id: UInt64?

    @OptionGroup var filter: FilterOptions

    @Option(help: "What becomes of connections (default: keep for a service, else stop).")
    var existing: ExistingConnections?

    @Option(
        help: ArgumentHelp(
            "How long until those that are left are sent SIGKILL (default: grace and then stop_timeout).",
            valueName: "duration"))
    var deadline: DurationArgument?

    @Option(
        help: ArgumentHelp(
            "How long a service's connections may go on before they are asked to end (default: not at all).",
            valueName: "duration"))
    var grace: DurationArgument?

    @OptionGroup var output: OutputOptions

    @Argument(help: "The service to close.", completion: .services)
    var name: String?

    @ParentCommand var parent: Serverctl

    /// Refuses what does not go together.
    func validate() throws {
        guard [name != nil, id != nil, filter.filter != nil].count(where: \.self) == 1 else {
            throw ValidationError("Say what to close: either a service, or --connection, or conditions such as --peer.")
        }
        if name == nil {
            guard existing != .keep else { throw ValidationError("--existing=keep is for closing a service only.") }
            guard grace == nil else { throw ValidationError("--grace is for closing a service only.") }
        } else if existing == nil || existing == .keep, grace != nil || deadline != nil {
            throw ValidationError("--grace and --deadline need --existing=stop or --existing=shutdown.")
        }
    }

    /// Has the daemon close it, and tells what came of it.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        if let name { return try close(service: name, context) }
        let by = existing.flatMap { CloseBy(rawValue: $0.rawValue) }
        if let id { return try close(connection: id, by, context) }
        let filter = filter.filter ?? ConnectionFilter()
        let words = ClosingWords(action: "close connections", title: "Closing connections", done: "Closed")
        return try close(
            by: Manager.CloseConnections.self, .init(filter: filter, by: by, deadline: deadline?.microseconds), words,
            output, context
        ) { "Closed \(ClosingSummary.counts($0.progress))." + ClosingSummary.lingering($0.progress) }
    }

    private func close(service: String, _ context: Context) throws(Failure) -> Outcome {
        let words = ClosingWords(
            action: "close service \"\(service)\"", title: "Closing service \"\(service)\"",
            done: "Closed service \"\(SafeText.escape(service))\"")
        return try close(
            by: Manager.CloseService.self,
            .init(
                service: service, existing: existing, grace: grace?.microseconds, deadline: deadline?.microseconds),
            words, output, context
        ) { ClosingSummary.line(words.done, $0.progress) }
    }

    private func close(connection id: UInt64, _ by: CloseBy?, _ context: Context) throws(Failure) -> Outcome {
        let words = ClosingWords(
            action: "close connection \(id)", title: "Closing connection \(id)", done: "Closed connection \(id)")
        return try close(
            by: Manager.CloseConnection.self, .init(id: id, by: by, deadline: deadline?.microseconds), words, output,
            context
        ) { result in
            guard let exit = result.exit else { return ClosingSummary.line(words.done, result.progress) }
            return "\(words.done): \(SafeText.escape(ConnectionText.ending(exit)))."
        }
    }
}

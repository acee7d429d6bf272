// SPDX-License-Identifier: Apache-2.0
// The built daemon, started for one test with a configuration of its own, and ended with it.

import Foundation
import Testing

/// How a daemon is started, where a test wants it otherwise.
struct DaemonOptions: Sendable {
    /// Words after the daemon's own: `--log-format`, `json`.
    var arguments: [String] = []
    /// Names of listeners that `systemd-socket-activate` opens on 127.0.0.1 and hands over.
    var inherited: [String] = []
    /// The daemon's program, if it is to be another than the built one.
    var program: String?
    /// Variables beside those of every test.
    var environment: [String: String] = [:]
    /// A command before the daemon's, which must exec it: `prlimit --nofile=40`.
    var wrapper: [String] = []
    /// Starts with descriptors 0, 1 and 2 closed.
    var hasNoStandardDescriptors = false
    /// Where its standard error goes, instead of to the log file.
    var errors: ChildProcess.Stream?
    /// The text of its serverd.toml.
    var configuration = ""
}

/// A daemon that has reported READY.
final class RunningDaemon: Sendable {
    let directory: TemporaryDirectory
    let process: ChildProcess
    let notifications: NotifySocket
    let log: LogFile
    let adminSocket: String
    let baseline: ProcessCensus
    private let inheritedPorts: [String: ReservedPort]

    /// Writes the configuration, starts the daemon and waits until it is ready.
    init(_ services: [ServiceFile], in directory: TemporaryDirectory, _ options: DaemonOptions) throws {
        self.directory = directory
        adminSocket = directory.path("admin.sock")
        for service in services { try directory.write(service.text, to: "services.d/\(service.name).toml") }
        let configuration = try directory.write(options.configuration, to: "serverd.toml")
        notifications = try NotifySocket(path: directory.path("notify"))
        log = try LogFile(path: directory.path("log"))
        inheritedPorts = Dictionary(uniqueKeysWithValues: try options.inherited.map { ($0, try ReservedPort()) })
        let own =
            [try options.program ?? Programs.serverd, "--config", configuration, "--admin-socket", adminSocket]
            + options.arguments
        let activation = try Self.activation(inheritedPorts)
        let standard: ChildProcess.Stream = options.hasNoStandardDescriptors ? .closed : .null
        let environment = options.environment.merging(["NOTIFY_SOCKET": notifications.path]) { $1 }
        process = try ChildProcess(
            options.wrapper + activation + own, environment: ChildProcess.environment.merging(environment) { $1 },
            input: standard, output: standard,
            errors: options.hasNoStandardDescriptors ? .closed : options.errors ?? .file(log.path))
        do {
            try Self.wakeActivation(inheritedPorts, log)
            try notifications.await("READY=1", from: process)
            baseline = try Self.restingCensus(process, adminSocket)
        } catch {
            process.end()
            throw TestFailure("\(error); its log:\n\(log.text.suffix(4000))")
        }
    }

    /// What serverctl says about all services.
    func status() throws -> DaemonStatus { try Self.status(adminSocket) }

    /// What serverctl says about one service.
    func status(of service: String) throws -> DaemonStatus.Service { try status().service(service) }

    /// Runs serverctl against this daemon.
    func serverctl(_ words: String...) throws -> RunResult {
        try run([Programs.serverctl, "--admin-socket", adminSocket] + words)
    }

    /// Where a service's clients connect to.
    func endpoint(_ service: String) throws -> Endpoint {
        if let port = inheritedPorts[service] { return port.endpoint }
        guard let address = try status(of: service).addresses.first else {
            throw TestFailure("\(service) has no address")
        }
        return try Endpoint(address)
    }

    /// What the daemon holds now.
    func census() -> ProcessCensus { ProcessCensus.take(of: process.pid) }

    /// Waits until the daemon holds what it held when it was ready: no connection, no child, no descriptor more.
    func awaitNothingLeft() throws {
        do {
            try eventually("the daemon holds nothing more than at its start") { census().isNoMore(than: baseline) }
        } catch {
            throw TestFailure("\(error): \(baseline) has become \(census())")
        }
    }

    /// Ends it as systemd would, and expects it to say so and to succeed.
    func stop() throws {
        process.signal(SIGTERM)
        let code = try process.wait()
        try #require(code == 0, "serverd ended with \(code):\n\(log.text.suffix(4000))")
        try notifications.await("STOPPING=1", from: process)
    }

    private static func status(_ adminSocket: String) throws -> DaemonStatus {
        let result = try run([Programs.serverctl, "--admin-socket", adminSocket, "status", "--json=short"])
        guard [0, 3].contains(result.exitCode) else { throw TestFailure("serverctl status: \(result.errors)") }
        return try JSONDecoder().decode(DaemonStatus.self, from: Data(result.output.utf8))
    }

    /// The census once nothing moves any more: the peer that woke the activation has gone, serverctl too.
    private static func restingCensus(_ process: ChildProcess, _ adminSocket: String) throws -> ProcessCensus {
        try eventually("no connection is left from the start") {
            try status(adminSocket).services.allSatisfy { $0.connections == 0 }
        }
        var last = ProcessCensus.take(of: process.pid)
        var unchanged = 0
        try eventually("the daemon rests") {
            let before = last
            last = ProcessCensus.take(of: process.pid)
            unchanged = before == last ? unchanged + 1 : 0
            return unchanged == 10
        }
        return last
    }

    private static func activation(_ ports: [String: ReservedPort]) throws -> [String] {
        guard !ports.isEmpty else { return [] }
        let names = ports.keys.sorted()
        let variables = ["-E", "NOTIFY_SOCKET", "-E", "PATH"]
        return [try Programs.installed("systemd-socket-activate"), "--fdname=\(names.joined(separator: ":"))"]
            + names.flatMap { ["-l", "127.0.0.1:\(ports[$0]?.number ?? 0)"] } + variables
    }

    /// `systemd-socket-activate` starts the daemon at the first connection: makes it, and leaves at once.
    private static func wakeActivation(_ ports: [String: ReservedPort], _ log: LogFile) throws {
        guard let first = ports.keys.min(), let port = ports[first] else { return }
        for port in ports.values { try log.await("Listening on", ":\(port.number) ") }
        _ = try Client(port.endpoint)
    }
}

/// Runs `body` with a daemon of these services; afterwards the daemon must hold nothing more than before, and end well.
func withDaemon(
    _ services: [ServiceFile], in directory: TemporaryDirectory? = nil, _ options: DaemonOptions = DaemonOptions(),
    _ body: (RunningDaemon) throws -> Void
) throws {
    let daemon = try RunningDaemon(services, in: directory ?? TemporaryDirectory(), options)
    defer { daemon.process.end() }
    try body(daemon)
    try daemon.awaitNothingLeft()
    try daemon.stop()
}

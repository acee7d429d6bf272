// SPDX-License-Identifier: Apache-2.0
// The program of a service: its prepared command, its running processes, and what they say on standard error.

internal import EventLoops
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// The program of a service.
// Safe: the state is touched only on the loop's thread, by the service that owns it.
final class ServiceProgram: @unchecked Sendable {
    let definition: ProgramDefinition
    private let command: PreparedCommand
    private let spawner: Spawner
    private let connections = ConnectionsByProcess()
    private let standardError: StandardErrorChannel

    /// The program of `service`; nil when the service is a built-in one.
    ///
    /// - Throws: when the command is one that no kernel takes, or there are no descriptors left.
    init?(_ service: ServiceDefinition, _ context: ServiceContext, logger: Logger) throws {
        guard case .program(let definition) = service.handler else { return nil }
        self.definition = definition
        spawner = context.spawner
        command = try PreparedCommand(
            HandlerCommand(
                definition, service: service.name, as: context.identity, environment: context.environment))
        let output = HandlerOutput(logger, on: context.loop)
        standardError = try StandardErrorChannel(
            on: context.loop, lookUp: { [connections] in connections.connection(of: $0) },
            deliver: { output.write($0) })
    }

    /// Starts the program for a connection.
    ///
    /// - Returns: nil when the connection is closed.
    /// - Throws: the step that failed.
    func spawn(for connection: Connection) throws(SpawnFailure) -> HandlerProcess? {
        let credentials = connection.socket.peerCredentials
        let environment = HandlerEnvironment(
            connection: connection.id, peer: connection.peer,
            local: connection.socket.localAddress ?? .unix(.unnamed),
            identity: credentials.map { PeerIdentity(uid: $0.uid, gid: $0.gid) })
        let process = try connection.socket.withDescriptor { socket throws(SpawnFailure) in
            try HandlerProcess.spawn(
                command, environment: environment, socket: socket, standardError: standardError.sink, by: spawner)
        }
        if let process { connections.began(process.pid, connection.id) }
        return process
    }

    /// The process has ended.
    func ended(_ process: HandlerProcess, _ connection: Connection) {
        connections.ended(process.pid)
        standardError.connectionEnded(connection.id, leader: process.pid)
    }

    /// Closes what its processes wrote to, after a last look.
    func close() { standardError.close() }
}

/// Which connection a service's running process serves.
// Safe: as its owner, a program.
private final class ConnectionsByProcess: @unchecked Sendable {
    private var connections: [Int32: UInt64] = [:]

    func connection(of pid: Int32) -> UInt64? { connections[pid] }
    func began(_ pid: Int32, _ connection: UInt64) { connections[pid] = connection }
    func ended(_ pid: Int32) { connections[pid] = nil }
}

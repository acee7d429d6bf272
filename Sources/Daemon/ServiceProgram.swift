// SPDX-License-Identifier: Apache-2.0
// The program of a service: its prepared command, its running processes, and what they say on standard error.

internal import Descriptors
internal import EventLoops
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// The program of a service.
// Safe: the state is touched only on the loop's thread, by the service that owns it.
final class ServiceProgram: @unchecked Sendable {
    /// As the configuration has it.
    let definition: ProgramDefinition
    private let command: PreparedCommand
    private let spawner: Spawner
    private let connections = ConnectionsByProcess()
    private let standardError: StandardErrorChannel
    private let output: HandlerOutput
    /// Where its processes are kept; nil where there are no control groups.
    private let group: ServiceGroup?
    /// What is missing of what its definition asks of control groups; nil when nothing is.
    let missingResources: String?
    /// How many connections it serves, those for which it is only being started too.
    private var uses = 0
    private var isRetired = false
    /// Whether what its processes write to is closed.
    private(set) var isClosed = false

    /// The program of a service.
    ///
    /// - Throws: when the command is one that no kernel takes, or there are no descriptors left.
    init(
        _ definition: ProgramDefinition, of service: ServiceName, _ context: ServiceContext, logger: Logger
    ) throws {
        self.definition = definition
        spawner = context.spawner
        command = try PreparedCommand(
            HandlerCommand(
                definition, service: service, as: context.identity, environment: context.environment))
        missingResources = definition.resources.flatMap(context.controlGroups.enable)
        let output = HandlerOutput(logger, on: context.loop)
        self.output = output
        let ends = context.inherited?.claimStandardError(of: service)
        let isNew = ends == nil
        standardError = try StandardErrorChannel(
            on: context.loop, output.receiver { [connections] in connections.connection(of: $0) }, takingOver: ends)
        group = context.controlGroups.service(service.description)
        if let missingResources {
            logger.warning(
                "the service's programs may have more than its resources say",
                metadata: ["error": .string(missingResources)])
        }
        if isNew, let store = context.store, store.isThere { keepStandardError(of: service, in: store) }
    }

    // Those of an earlier program of the service are not kept any more: what its processes say is lost in a crash.
    private func keepStandardError(of service: ServiceName, in store: DescriptorStore) {
        let names = KeptName.standardError(of: service)
        guard let numbers = standardError.numbers, let reading = try? Descriptor.duplicating(numbers.reading),
            let writing = try? Descriptor.duplicating(numbers.writing)
        else { return }
        store.forget(names.reading)
        store.forget(names.writing)
        store.keep(reading, as: names.reading)
        store.keep(writing, as: names.writing)
    }

    /// Where its processes write to, for the next image of this daemon; nil once that is closed.
    func passStandardError() -> (reading: CInt, writing: CInt)? {
        standardError.deliverUnfinished()
        return standardError.numbers
    }

    /// Goes on with a process that an earlier daemon has started.
    func adopt(_ process: HandlerProcess, for connection: UInt64) {
        connections.began(process.pid, connection)
        if let own = group?.group(of: connection) { process.wasStarted(in: own) }
    }

    /// Whether another connection has to wait for a slot in which the program is started.
    var isCrowded: Bool { spawner.mustWait(for: command) }

    /// A slot in which the program is started: see `Spawner.slot(for:)`.
    nonisolated(nonsending) func slot() async -> SpawnSlot { await spawner.slot(for: command) }

    /// Starts the program in `slot` for a connection, and returns when it was executed.
    ///
    /// It is told that the connection comes from `peer`. `begun` is called as soon as there is a process, which executes
    /// the program only when that has returned. It goes on when the task is cancelled.
    ///
    /// - Returns: nil when the connection is closed.
    /// - Throws: the step that failed.
    nonisolated(nonsending) func spawn(
        in slot: SpawnSlot, for connection: Connection, from peer: SocketAddress, begun: (RunningHandler) -> Void
    ) async throws(SpawnFailure) -> RunningHandler? {
        let credentials = connection.socket.peerCredentials
        let environment = HandlerEnvironment(
            connection: connection.id, peer: peer,
            local: connection.socket.localAddress ?? .unix(.unnamed),
            identity: credentials.map { PeerIdentity(uid: $0.uid, gid: $0.gid) })
        let stream = definition.allowsShutdown ? connection.socket.streamIdentity : nil
        let handler = { (process: HandlerProcess) in
            RunningHandler(program: self, process: process, localAddress: environment.local, stream: stream)
        }
        let process = try connection.socket.withDescriptor { socket throws(SpawnFailure) in
            try HandlerProcess.spawn(
                in: slot, environment: environment, socket: socket, standardError: standardError.checkedSink(),
                place: place(connection.id, in: slot), by: spawner
            ) { process in
                connections.began(process.pid, connection.id)
                begun(handler(process))
            }
        }
        guard let process else {
            spawner.giveBack(slot)
            return nil
        }
        do { try await process.executed() } catch {
            connections.ended(process.pid, connection.id)
            throw error
        }
        return handler(process)
    }

    private func place(_ connection: UInt64, in slot: SpawnSlot) throws(SpawnFailure) -> HandlerPlace? {
        do { return try group?.place(connection, definition.resources) } catch {
            spawner.giveBack(slot)
            throw error
        }
    }

    /// The control group of the service; nil where there are none.
    var controlGroup: String? { group?.path }

    /// Ends what the service's processes have left behind outside of their connections' groups; all of those have ended.
    ///
    /// - Returns: whether there was anything.
    func killWhatIsLeft() -> Bool { group?.killWhatIsLeft() ?? false }

    /// The process has ended.
    func ended(_ process: HandlerProcess, _ connection: Connection) {
        connections.ended(process.pid, connection.id)
        standardError.connectionEnded(connection.id, leader: process.pid)
    }

    /// It is to serve one more connection.
    func beginUse() { uses += 1 }

    /// It has done so.
    func endUse() {
        uses -= 1
        if isRetired, uses == 0 { close() }
    }

    /// It serves no other connections than it has: after the last one it is closed.
    func retire() {
        isRetired = true
        if uses == 0 { close() }
    }

    /// Closes what its processes wrote to, after a last look.
    func close() {
        if !isClosed { group?.release() }
        isClosed = true
        standardError.close()
        output.finish()
    }
}

/// Which connection a service's running process serves.
// Safe: as its owner, a program.
private final class ConnectionsByProcess: @unchecked Sendable {
    private var connections: [Int32: UInt64] = [:]

    /// The connection that a process serves; nil when it is none of ours any more.
    func connection(of pid: Int32) -> UInt64? { connections[pid] }
    /// A process serves a connection.
    func began(_ pid: Int32, _ connection: UInt64) { connections[pid] = connection }

    // The number may be another process's already: it is free from the reaping on.
    /// It does so no more.
    func ended(_ pid: Int32, _ connection: UInt64) {
        if connections[pid] == connection { connections[pid] = nil }
    }
}

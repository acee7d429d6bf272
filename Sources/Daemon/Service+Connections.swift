// SPDX-License-Identifier: Apache-2.0
// The connections of a service as the manager interface shows them.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Supervision

extension Service {
    /// The connections that have not ended, and those that have left processes behind, by id, without what they use.
    var connectionStatuses: [ConnectionStatus] {
        (connections.map { status(of: $0) } + lingering.values.map(\.status)).sorted { $0.id < $1.id }
    }

    /// Whether a connection of this id has not ended, or has left processes behind.
    func has(_ id: UInt64) -> Bool { lingering[id] != nil || connections.contains { $0.id == id } }

    /// The ids of the connections that have not ended.
    var connectionIDs: [UInt64] { servers.flatMap { $0.core.connectionIDs }.sorted() }

    /// The ids of the connections that are listed: those too that have left processes behind.
    var listedIDs: [UInt64] { servers.flatMap { $0.core.connectionIDs } + lingering.keys }

    /// One of them, without what it uses; nil when it is not listed any more.
    func listed(_ id: UInt64) -> ConnectionStatus? {
        lingering[id]?.status ?? connection(id).map { status(of: $0) }
    }

    /// What to look at for what a connection uses: nothing when it has ended.
    func usageQuestion(about connection: UInt64) -> UsageQuestion {
        UsageQuestion(process: running(connection)?.process, stream: stream(of: connection))
    }

    /// The TCP stream of a connection, whoever holds it; nil if it has none.
    private func stream(of connection: UInt64) -> StreamIdentity? {
        guard let found = self.connection(connection), case .inet(let peer) = found.peer,
            case .inet(let local) = running(connection)?.localAddress ?? found.socket.localAddress
        else { return nil }
        return StreamIdentity(local: local, peer: peer)
    }

    /// The program, or the protocol, that serves a connection.
    func handlerDescription(of connection: UInt64) -> (command: [String]?, builtin: String?, user: String?) {
        if let builtIn = builtInConnections[connection] { return (nil, builtIn.rawValue, nil) }
        if let program = program(of: connection)?.definition { return (program.arguments, nil, program.account?.name) }
        return switch definition.handler {
        case .program(let program): (program.arguments, nil, program.account?.name)
        case .builtIn(let builtIn): (nil, builtIn.rawValue, nil)
        }
    }

    /// The program that has a process for the connection: before a reload it may have been another one.
    func program(of connection: UInt64) -> ServiceProgram? {
        if let program, program.running[connection] != nil { return program }
        return former.programs.first { $0.running[connection] != nil }
    }

    /// The process that serves a connection, if one does.
    func running(_ connection: UInt64) -> RunningHandler? { program(of: connection)?.running[connection] }

    /// The connection without what it uses.
    func status(of connection: Connection) -> ConnectionStatus {
        status(of: connection, running(connection.id))
    }

    /// The connection, served by `running` or within serverd.
    func status(of connection: Connection, _ running: RunningHandler?) -> ConnectionStatus {
        let local = running?.localAddress ?? connection.socket.localAddress ?? .unix(.unnamed)
        var status = ConnectionStatus(
            id: connection.id, service: name.description,
            transport: callers.contains(connection.id) ? .connect : connection.peer.isInet ? .tcp : .unix,
            peer: connection.peer.description,
            unixPeer: connection.socket.peerCredentials.map { UnixPeer(uid: $0.uid, gid: $0.gid, pid: $0.pid) },
            localAddress: local.description, state: state(connection, running?.process),
            startTimestamp: connection.acceptedTimestamp)
        if let process = running?.process, process.isExecuted, process.isAlive { status.pid = process.pid }
        return status
    }

    private func state(_ connection: Connection, _ process: HandlerProcess?) -> ConnectionState {
        if builtInConnections[connection.id] != nil { return connection.isClosedByServer ? .stopping : .serving }
        guard let process else { return .starting }
        switch process.stopStage {
        case .asked: return .stopping
        case .killed: return .killing
        case .none: return process.isExecuted ? .serving : .starting
        }
    }
}

extension SocketAddress {
    /// Whether it is an address of the Internet.
    var isInet: Bool { if case .inet = self { true } else { false } }
}

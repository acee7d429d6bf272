// SPDX-License-Identifier: Apache-2.0
// The connections of a service as the manager interface shows them.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Supervision

/// The program, or the protocol, that serves a connection, as the manager interface tells it.
struct HandlerDescription {
    /// The program's path and arguments; nil of a protocol.
    var command: [String]?
    /// The protocol's name; nil of a program.
    var builtin: String?
    /// Who the program runs as, if that is said.
    var user: String?

    /// A program.
    init(_ program: ProgramDefinition) {
        command = program.arguments
        user = program.account?.name
    }

    /// A protocol.
    init(_ builtIn: BuiltInService) { builtin = builtIn.rawValue }
}

extension Service {
    /// The connections that have not ended, and those that have left processes behind, by id, without what they use.
    var connectionStatuses: [ConnectionStatus] {
        (served.values.map(status) + lingering.values.map(\.status)).sorted { $0.id < $1.id }
    }

    /// Whether a connection of this id has not ended, or has left processes behind.
    func has(_ id: UInt64) -> Bool { lingering[id] != nil || served[id] != nil }

    /// The ids of the connections that have not ended.
    var connectionIDs: [UInt64] { served.keys.sorted() }

    /// The ids of the connections that are listed: those too that have left processes behind.
    var listedIDs: [UInt64] { Array(served.keys) + lingering.keys }

    /// One of them; nil when it is not listed any more.
    func listed(_ id: UInt64) -> ListedConnection? {
        if let former = lingering[id] {
            return ListedConnection(status: former.status, question: UsageQuestion(process: nil, stream: nil))
        }
        return served[id].map { ListedConnection(status: status(of: $0), question: $0.usageQuestion) }
    }

    /// What serves a connection; what is to serve it, as long as nothing does.
    func handlerDescription(of connection: UInt64) -> HandlerDescription {
        switch served[connection]?.handler {
        case .program(let running): return HandlerDescription(running.program.definition)
        case .builtIn(let builtIn): return HandlerDescription(builtIn)
        case .some(.none), nil: break
        }
        return switch handling {
        case .program(let program): HandlerDescription(program.definition)
        case .builtIn(let builtIn): HandlerDescription(builtIn)
        }
    }

    /// A connection that has not ended, without what it uses.
    func status(of connection: Connection) -> ConnectionStatus {
        status(of: served[connection.id] ?? ServedConnection(connection: connection, handler: .none))
    }

    /// A connection, without what it uses.
    func status(of served: ServedConnection) -> ConnectionStatus {
        let connection = served.connection
        var status = ConnectionStatus(
            id: connection.id, service: name.description,
            transport: connection.isGiven ? .connect : connection.peer.isInet ? .tcp : .unix,
            peer: connection.peer.description,
            unixPeer: connection.socket.peerCredentials.map { UnixPeer(uid: $0.uid, gid: $0.gid, pid: $0.pid) },
            localAddress: (served.localAddress ?? .unix(.unnamed)).description, state: served.state,
            startTimestamp: connection.acceptedTimestamp)
        if let process = served.running?.process, process.isExecuted, process.isAlive { status.pid = process.pid }
        return status
    }
}

extension SocketAddress {
    /// Whether it is an address of the Internet.
    var isInet: Bool { if case .inet = self { true } else { false } }
}

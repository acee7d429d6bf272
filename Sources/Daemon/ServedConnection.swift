// SPDX-License-Identifier: Apache-2.0
// What a service knows of a connection that has not ended, beyond what the connection itself knows: one entry for each.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Supervision

/// The process that serves a connection, and the connection's own end, which nobody can ask for once it is handed over.
struct RunningHandler: Sendable {
    /// The program that was started; a reload may have replaced it since.
    let program: ServiceProgram
    /// What was started.
    let process: HandlerProcess
    /// Our end of the connection.
    let localAddress: SocketAddress
    /// By what the kernel knows the stream, if it may be shut down.
    let stream: StreamIdentity?
}

/// How a connection was asked to end.
struct EndRequest {
    /// How its handler is asked.
    var by: CloseBy
    /// When its program is sent SIGKILL, on the loop's clock.
    var killsAt: Duration
}

/// A connection of a service that has not ended.
struct ServedConnection {
    /// Who serves it.
    enum Handler {
        /// Nobody yet: a program is to be started, or a built-in has its first turn to come.
        case none
        /// The daemon itself.
        case builtIn(BuiltInService)
        /// A program, which may not have been executed yet.
        case program(RunningHandler)
    }

    /// The connection, which is its server's.
    let connection: Connection
    /// Who serves it.
    var handler: Handler
    /// How it was asked to end; nil when nobody has.
    var endRequest: EndRequest?

    /// The process that serves it, if one does.
    var running: RunningHandler? {
        if case .program(let running) = handler { running } else { nil }
    }

    /// Whether the daemon itself serves it.
    var isBuiltIn: Bool {
        if case .builtIn = handler { true } else { false }
    }

    /// Our end of the connection.
    var localAddress: SocketAddress? { running?.localAddress ?? connection.socket.localAddress }

    /// What to look at for what it uses.
    var usageQuestion: UsageQuestion {
        guard case .inet(let peer) = connection.peer, case .inet(let local) = localAddress else {
            return UsageQuestion(process: running?.process, stream: nil)
        }
        return UsageQuestion(process: running?.process, stream: StreamIdentity(local: local, peer: peer))
    }

    /// What is being done with it, as the manager interface tells it.
    var state: ConnectionState {
        switch handler {
        case .none: .starting
        case .builtIn: connection.isClosedByServer ? .stopping : .serving
        case .program(let running):
            switch running.process.stopStage {
            case .asked: .stopping
            case .killed: .killing
            case .none: running.process.isExecuted ? .serving : .starting
            }
        }
    }
}

extension Service {
    /// Makes the entry of a connection, which it has until ``forget(_:)``.
    func remember(_ connection: Connection, servedBy handler: ServedConnection.Handler = .none) {
        served[connection.id] = ServedConnection(connection: connection, handler: handler)
    }

    /// Takes the entry of a connection away: the connection has ended.
    func forget(_ connection: Connection) -> ServedConnection {
        // Only a damaged ledger makes two of one id: what is told of the second is less than it could be.
        served.removeValue(forKey: connection.id) ?? ServedConnection(connection: connection, handler: .none)
    }

    /// Its connections that have not ended, in no order.
    var connections: [Connection] { served.values.map(\.connection) }

    /// Its connection with this id, unless it has ended.
    func connection(_ id: UInt64) -> Connection? { served[id]?.connection }

    /// How many connections have not ended.
    var connectionCount: Int { served.count }

    /// The process that serves a connection, if one does.
    func running(_ connection: UInt64) -> RunningHandler? { served[connection]?.running }
}

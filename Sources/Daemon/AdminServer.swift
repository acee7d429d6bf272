// SPDX-License-Identifier: Apache-2.0
// The manager interface on its Unix socket: Varlink on a server of our own.

internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import Varlink

/// Serves `io.serverd.Manager` on the admin socket.
final class AdminServer: Sendable {
    /// The most clients at a time, as ``ClientAdmission`` shares them out.
    static let clientLimit = 256
    /// The name by which the socket is inherited, if it is.
    static let inheritedName = "varlink"

    private let server: Server<UnixAddress, String>
    /// Nil for an inherited socket: whoever made it sees to it that there is one daemon.
    private let lock: AdminLock?
    private let registryEntry: RegistryEntry?
    /// What it accepts with when others have all descriptors.
    let reserve = DescriptorReserve(4)

    /// Listens on `path`, which only the daemon's user and root may connect to unless the configuration names others; or,
    /// instead, on the descriptor `inherited`, which it owns from now on, and whose mode and file are their owner's.
    ///
    /// - Throws: ``StartFailure`` when another daemon has the socket, or it cannot be made.
    init(
        _ path: String, inherited: CInt? = nil, _ manager: ServiceManager, _ reloader: Reloader, logger: Logger,
        clientLimit: Int = clientLimit, registry: String = RegistryEntry.directory, reexecutor: Reexecutor? = nil,
        inheriting inheritance: Inheritance? = nil
    ) async throws {
        let (place, former) = Self.place(path, inherited, inheritance)
        lock = if let former { former } else if inherited == nil { try AdminLock(socket: path) } else { nil }
        let dispatcher = ManagerMethods(
            manager: manager, reloader: reloader, owner: geteuid(), logger: logger, reexecutor: reexecutor
        ).dispatcher
        let clients = AdminClients(limit: clientLimit, owner: geteuid())
        // All of them share one: what they ask for together is never more than a call in a turn.
        let turns = TurnQueue(on: manager.context.loop)
        let options = Self.options(manager.context.settings.value, clientLimit, reserve, logger)
        do {
            server = try await Server.createConnection(on: place, options: options, onHandlerError: .ignore) {
                let (socket, caller, loop) = ($0.socket, AdminCaller($0.socket), $0.socket.loop)
                try await clients.withClient($0, uid: caller.uid) { receive, send in
                    let end = try await dispatcher.serve(
                        caller, receive: receive, send: send, hangUp: { await socket.hungUp() },
                        yield: { await turns.next() })
                    if case .upgraded(let ticket, _) = end { await loop.perform { ticket.use(for: socket) } }
                }
            }
        } catch {
            throw StartFailure(.operatingSystem, "cannot open the admin socket: \(error)")
        }
        registryEntry = RegistryEntry(socket: server.listeningOn, in: registry, logger: logger)
        reexecutor?.pass(passed)
        guard inherited == nil else { return }
        manager.context.settings.observe { [weak server] settings in
            server?.listener.setFileMode(Self.fileMode(settings))
        }
    }

    /// Where to listen, and the lock for it if another image of this daemon has had both.
    private static func place(
        _ path: String, _ inherited: CInt?, _ inheritance: Inheritance?
    ) -> (WhereToListen<UnixAddress, String>, AdminLock?) {
        if let inherited { return (.inherited(inherited), nil) }
        guard let inheritance, let identity = inheritance.state?.adminSocketFile,
            let socket = inheritance.sockets.claimOwn(KeptName.adminSocket),
            let lock = inheritance.sockets.claimOwn(KeptName.adminLock)
        else { return (.file(path), nil) }
        let file = UnixSocketFile(path: path, device: identity.device, inode: identity.inode)
        return (.succeeded(socket, file: file), AdminLock(takingOver: lock))
    }

    /// What another image of this daemon needs of it.
    private var passed: Reexecutor.Own {
        var own = Reexecutor.Own()
        let listener = server.listener
        guard let socket = listener.withDescriptor({ $0 }) else { return own }
        guard let file = listener.file, let lock = lock?.descriptor else {
            own.descriptors = [.init(name: Self.inheritedName, number: socket)]
            return own
        }
        own.adminSocketFile = .init(device: file.device, inode: file.inode)
        own.descriptors = [
            .init(name: KeptName.adminSocket, number: socket), .init(name: KeptName.adminLock, number: lock),
        ]
        return own
    }

    private static func options(
        _ settings: DaemonSettings, _ clientLimit: Int, _ reserve: DescriptorReserve, _ logger: Logger
    ) -> ServerOptions {
        var options = ServerOptions()
        // Some are only told that there is no room, and some are on their way out.
        options.maxConnections = clientLimit + 2 * AdminClients.refusalLimit
        // Whoever may connect is judged call by call.
        options.socketFileMode = fileMode(settings)
        // Admin clients are no connections of a service: their numbers are their own.
        options.numbering = ConnectionNumbering()
        options.refusesDescriptors = true
        options.acceptCall = reserve.accepting(by: options.acceptCall)
        options.onEvent = { event in
            switch event {
            case .connectionEnded, .connectionRefused:
                // A client's descriptor has just become free. The reserve takes it before a service's acceptor can.
                reserve.refill()
            case .acceptPaused(let errno, _, _):
                logger.error(
                    "cannot accept on the admin socket; it resumes by itself",
                    metadata: ["errno": .string(Errno(rawValue: errno).textWithRemedy)])
            default: break
            }
        }
        return options
    }

    private static func fileMode(_ settings: DaemonSettings) -> UInt32 {
        settings.access.isRootOnly ? 0o600 : 0o666
    }

    /// Closes the socket, removes its file if it is ours, and ends every client's connection.
    func close() async {
        registryEntry?.remove()
        await server.close(closeExistingConnections: true)
        await server.closeFinishedAndHandlersDetermined()
        reserve.close()
        lock?.release()
    }
}

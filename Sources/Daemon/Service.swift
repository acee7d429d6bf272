// SPDX-License-Identifier: Apache-2.0
// One service: its listeners under one connection limit, their opening, retrying and draining.

internal import EventLoops
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// A service of the configuration, running.
///
/// | phase | listeners | leaves it by |
/// |---|---|---|
/// | open | each listens, or is tried again | `drain` |
/// | draining | those in their queues are served, then they are closed | its last connection's end |
/// | closed | none | |
///
/// It lives on the loop: what it does between two awaits nobody else can disturb.
actor Service {
    enum Phase {
        case open, draining, closed
    }

    nonisolated let definition: ServiceDefinition
    nonisolated let context: ServiceContext
    nonisolated let limit: ConnectionLimit
    nonisolated let logger: Logger
    /// The program's command, and where its standard error goes; nil for a built-in service.
    nonisolated let program: ServiceProgram?
    private(set) var listeners: [ServiceListener] = []
    private(set) var phase = Phase.open
    private var listeningTimestamp: Int64?
    var counters = ServiceCounters()
    var throttle = ServiceThrottle()

    nonisolated var unownedExecutor: UnownedSerialExecutor { context.loop.asUnownedSerialExecutor() }

    /// A service that does not listen yet.
    /// - Throws: when its program's standard error cannot be set up, or its command is one that no kernel takes.
    init(_ definition: ServiceDefinition, _ context: ServiceContext) throws {
        self.definition = definition
        self.context = context
        limit = ConnectionLimit(definition.maxConnections ?? ServerOptions.defaultMaxConnections)
        var logger = context.logger
        logger[metadataKey: "service"] = .string(definition.name.description)
        self.logger = logger
        program = try ServiceProgram(definition, context, logger: logger)
    }

    var servers: [StreamServer] { listeners.compactMap(\.server) }

    /// Connections that have not ended.
    var connectionCount: Int { servers.reduce(0) { $0 + $1.numConnections } }

    // MARK: Opening

    /// Begins to listen on every address; what cannot be bound is tried again by itself.
    func open(claiming inherited: InheritedSockets) async {
        for address in definition.listen {
            if case .inherited(let name) = address.kind {
                await adopt(inherited.claim(named: name), name, address)
            } else {
                listeners.append(ServiceListener(address))
                await listen(listeners.count - 1)
            }
        }
    }

    private func adopt(
        _ claimed: (places: [WhereToListen<SocketAddress, SocketAddress>], errors: [String]), _ name: String,
        _ address: ListenAddress
    ) async {
        for place in claimed.places {
            listeners.append(ServiceListener(address))
            await listen(listeners.count - 1, at: place)
        }
        var errors = claimed.errors
        if claimed.places.isEmpty && errors.isEmpty {
            errors = [
                "no socket named \"\(name)\" was handed over; start serverd from a .socket unit with "
                    + "FileDescriptorName=\(name), or with systemd-socket-activate --fdname=\(name)"
            ]
        }
        for error in errors {
            listeners.append(ServiceListener(address))
            failed(listeners.count - 1, error, canRetry: false)
        }
    }

    private func listen(_ index: Int) async {
        guard let place = listeners[index].address.placeToBind(definition.socketFile) else { return }
        await listen(index, at: place)
    }

    private func listen(_ index: Int, at place: WhereToListen<SocketAddress, SocketAddress>) async {
        do {
            let server = try await makeServer(place)
            listeners[index].server = server
            listeners[index].failure = nil
            listeners[index].backoff.succeeded()
            logger.notice("listening", metadata: ["address": .string(server.listeningOnAddress.description)])
            if listeningTimestamp == nil { listeningTimestamp = WallClock.microseconds }
            // The daemon may have been told to stop while this one was being made.
            if phase != .open { await server.close() }
        } catch {
            failed(index, "\(error)", canRetry: listeners[index].address.placeToBind(definition.socketFile) != nil)
        }
        context.changed()
    }

    private func failed(_ index: Int, _ reason: String, canRetry: Bool) {
        var retryAt: Duration?
        if canRetry, phase == .open {
            let wait = listeners[index].backoff.failed()
            retryAt = context.loop.now + wait
            listeners[index].retry = context.loop.schedule(after: wait) { [weak self] in
                self?.assumeIsolated { $0.retry(index) }
            }
        }
        // The same reason again is no news.
        if listeners[index].failure?.reason != reason {
            let consequence = canRetry ? "it is tried again" : "it is not tried again"
            logger.error("cannot listen; \(consequence)", metadata: ["error": .string(reason)])
        }
        listeners[index].failure = .init(reason: reason, retryAt: retryAt)
        counters.note(error: reason, at: WallClock.microseconds)
    }

    private func retry(_ index: Int) {
        guard phase == .open, listeners[index].server == nil else { return }
        _ = Task(executorPreference: context.loop) { await self.listen(index) }
    }

    private func makeServer(_ place: WhereToListen<SocketAddress, SocketAddress>) async throws -> StreamServer {
        var options = ServerOptions()
        options.connectionLimit = limit
        options.backlog = definition.backlog
        options.numbering = context.numbering
        options.onEvent = { [weak self] event in self?.assumeIsolated { $0.handle(event) } }
        let onHandlerError: OnHandlerError<SocketAddress> = definition.onHandlerError == .raise ? .raise : .ignore
        switch definition.handler {
        case .program:
            return try await Server.createConnection(on: place, options: options, onHandlerError: onHandlerError) {
                try await self.serve($0)
            }
        case .builtIn(let builtIn):
            return try await Server.create(on: place, options: options, onHandlerError: onHandlerError) {
                try await builtIn.serve($1, $2)
            }
        }
    }

    // MARK: Draining

    /// Stops listening without losing who has connected, gives connections `grace` to end, and then ends them.
    ///
    /// Returns when none is left.
    func drain(grace: Duration) async {
        guard phase == .open else { return }
        phase = .draining
        for index in listeners.indices { listeners[index].retry?.cancel() }
        context.changed()
        let servers = servers
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Self.finish(servers) }
            group.addTask { [loop = context.loop] in
                // Cancelled when the connections have ended by themselves.
                guard (try? await loop.sleep(for: grace)) != nil else { return }
                await Self.end(servers)
            }
            await group.next()
            if connectionCount == 0 { group.cancelAll() }
        }
        phase = .closed
        program?.close()
        context.changed()
    }

    /// Ends the grace of a drain: connections are ended now.
    func endConnections() async { await Self.end(servers) }

    private static func finish(_ servers: [StreamServer]) async {
        await withTaskGroup(of: Void.self) { group in
            for server in servers {
                group.addTask {
                    await server.finishAccepting()
                    await server.closeFinishedAndHandlersDetermined()
                }
            }
        }
    }

    private static func end(_ servers: [StreamServer]) async {
        await withTaskGroup(of: Void.self) { group in
            for server in servers { group.addTask { await server.close(closeExistingConnections: true) } }
        }
    }

    // MARK: Looking at it

    /// When this service began to listen, in microseconds since the epoch; nil while it does not listen anywhere.
    var listeningSince: Int64? { servers.contains { !$0.isClosed } ? listeningTimestamp : nil }
}

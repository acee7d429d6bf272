// SPDX-License-Identifier: Apache-2.0
// One service: its listeners under one connection limit, their opening, retrying and draining.

internal import EventLoops
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// A service of the configuration, running.
///
/// | phase | listeners | leaves it by |
/// |---|---|---|
/// | open | each listens, or is tried again | `close`; a handler's error, if that is to close the service |
/// | draining | those in their queues are served, then they are closed | the end of its last ``Closing`` |
/// | closed | none; there may be connections that were left alone | `reopen` |
///
/// It lives on the loop: what it does between two awaits nobody else can disturb.
actor Service {
    enum Phase {
        case open, draining, closed
    }

    nonisolated let name: ServiceName
    nonisolated let context: ServiceContext
    nonisolated let limit: ConnectionLimit
    nonisolated let logger: Logger
    nonisolated let streams: StreamHandling
    /// What is in effect: a reload changes it.
    var definition: ServiceDefinition
    /// The program's command, and where its standard error goes; nil for a built-in service.
    var program: ServiceProgram?
    var listeners: [ServiceListener] = []
    /// What earlier definitions have left behind, as long as connections need it.
    var former = FormerParts()
    /// The connections that the daemon serves itself.
    var builtInConnections: [UInt64: BuiltInService] = [:]
    private var lastListener = 0
    private(set) var phase = Phase.open
    /// Whether it was told to close, and not to open again since; it may have closed by itself.
    private(set) var isClosedByOperator = false
    private(set) var listeningTimestamp: Int64?
    var counters = ServiceCounters()
    var throttle = ServiceThrottle()
    var suspension: [StreamServer]?
    var repeated = RepeatedConditions()
    /// The closings that it takes part in.
    var closings: [Closing] = []
    /// The connections that were callers of the admin socket.
    var callers: Set<UInt64> = []
    /// The connections that programs have got from an earlier daemon, until they are served on.
    var survivors: [UInt64: Survivor] = [:]
    /// The listeners that the service manager keeps, by the name under which it does.
    var keptListeners: [String: StreamServer] = [:]
    /// The connections whose handlers have left processes behind.
    var lingering: [UInt64: LingeringConnection] = [:]
    /// The connections that were asked to end.
    var endRequests: [UInt64: EndRequest] = [:]
    var lastShown: Shown?

    nonisolated var unownedExecutor: UnownedSerialExecutor { context.loop.asUnownedSerialExecutor() }

    /// A service that does not listen yet.
    /// - Throws: when its program's standard error cannot be set up, or its command is one that no kernel takes.
    init(_ definition: ServiceDefinition, _ context: ServiceContext) throws {
        name = definition.name
        self.definition = definition
        self.context = context
        streams = StreamHandling(ServerOptions(), on: context.loop)
        limit = ConnectionLimit(definition.maxConnections ?? ServerOptions.defaultMaxConnections)
        var logger = context.logger
        logger[metadataKey: "service"] = .string(definition.name.description)
        self.logger = logger
        program = try ServiceProgram(definition, context, logger: logger)
    }

    var servers: [StreamServer] { listeners.compactMap(\.server) + former.servers }

    /// Its connections that have not ended, in no order.
    var connections: [Connection] { servers.flatMap { $0.core.connections } }

    /// Its connection with this id, unless it has ended.
    func connection(_ id: UInt64) -> Connection? { servers.lazy.compactMap { $0.core.connection(id) }.first }

    /// Connections that have not ended.
    var connectionCount: Int { servers.reduce(0) { $0 + $1.numConnections } }

    /// Whether it is being closed; one that had been closed before, too.
    var isClosing: Bool { phase == .draining || closings.contains(where: \.closesServices) }

    // MARK: Opening

    /// Listens again where it does not: after a close at once, after a failure without waiting for the next try.
    ///
    /// - Returns: false while it is draining.
    func reopen() async -> Bool {
        guard !isClosing else { return false }
        phase = .open
        isClosedByOperator = false
        former.forgetEnded()
        for listener in listeners where listener.server?.isClosed ?? true {
            listener.retry?.cancel()
            if case .inherited(let name) = listener.address.kind {
                failed(
                    listener.id,
                    "the socket named \"\(name)\" was handed over when serverd was started, and is closed now; "
                        + "start serverd again to get it once more", canRetry: false)
            } else {
                await listen(listener.id)
            }
        }
        changed()
        return true
    }

    /// Begins to listen on every address; what cannot be bound is tried again by itself.
    func open(claiming inherited: InheritedSockets) async {
        for address in definition.listen {
            if case .inherited(let name) = address.kind {
                await adopt(
                    inherited.claim(named: name), address,
                    missing: "no socket named \"\(name)\" was handed over; start serverd from a .socket unit with "
                        + "FileDescriptorName=\(name), or with systemd-socket-activate --fdname=\(name)")
            } else if let place = inherited.claim(on: address, of: name) {
                await listen(addListener(address), at: place)
            } else {
                await listen(addListener(address))
            }
        }
    }

    /// Listens on the sockets that were claimed for an address; `missing` is the error when there is none.
    func adopt(
        _ claimed: (places: [WhereToListen<SocketAddress, SocketAddress>], errors: [String]), _ address: ListenAddress,
        missing: String
    ) async {
        for place in claimed.places { await listen(addListener(address), at: place) }
        let isMissing = claimed.places.isEmpty && claimed.errors.isEmpty
        for error in isMissing ? [missing] : claimed.errors { failed(addListener(address), error, canRetry: false) }
    }

    /// Adds a listener that does not listen yet, and returns its number.
    func addListener(_ address: ListenAddress) -> Int {
        lastListener += 1
        listeners.append(ServiceListener(id: lastListener, address))
        return lastListener
    }

    /// The place of a listener; nil when a reload has given it up.
    func index(_ id: Int) -> Int? { listeners.firstIndex { $0.id == id } }

    /// Begins to listen on the address of a listener.
    func listen(_ id: Int) async {
        guard phase == .open, let index = index(id),
            let place = listeners[index].address.placeToBind(definition.socketFile)
        else { return }
        await listen(id, at: place)
    }

    private func listen(_ id: Int, at place: WhereToListen<SocketAddress, SocketAddress>) async {
        let beginsHeld = suspension != nil
        do {
            let server = try await makeServer(place, beginsHeld: beginsHeld)
            guard let index = index(id) else { return await abandon(server) }
            if let closed = listeners[index].server, closed.numConnections > 0 { former.servers.append(closed) }
            listeners[index].server = server
            listeners[index].failure = nil
            listeners[index].backoff.succeeded()
            keep(server, on: listeners[index].address)
            logger.notice("listening", metadata: ["address": .string(server.listeningOnAddress.description)])
            if listeningTimestamp == nil { listeningTimestamp = WallClock.microseconds }
            if throttle.isHolding { hold(server) }
            holdIfSuspended(server, beganHeld: beginsHeld)
            // It may have been closed meanwhile.
            if phase != .open { await server.close() }
        } catch {
            failed(id, "\(error)", canRetry: !place.isInherited)
        }
        changed()
    }

    private func failed(_ id: Int, _ reason: String, canRetry: Bool) {
        guard let index = index(id) else { return }
        var retryAt: Duration?
        if canRetry, phase == .open {
            let wait = listeners[index].backoff.failed()
            retryAt = context.loop.now + wait
            listeners[index].retry = context.loop.schedule(after: wait) { [weak self] in
                self?.assumeIsolated { $0.retry(id) }
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

    private func retry(_ id: Int) {
        guard phase == .open, let index = index(id) else { return }
        listeners[index].opening = Task(executorPreference: context.loop) { await self.listen(id) }
    }

    private func makeServer(
        _ place: WhereToListen<SocketAddress, SocketAddress>, beginsHeld: Bool
    ) async throws -> StreamServer {
        var options = serverOptions
        options.beginsHeld = beginsHeld
        return try await Server.createConnection(on: place, options: options, onHandlerError: onHandlerError) {
            [weak self] in try await self?.serve($0)
        }
    }

    /// The options of every server of the service.
    var serverOptions: ServerOptions {
        var options = ServerOptions()
        options.connectionLimit = limit
        options.backlog = definition.backlog
        options.numbering = context.numbering
        options.onEvent = { [weak self] event in self?.assumeIsolated { $0.handle(event) } }
        if case .builtIn = definition.handler { options.refusesDescriptors = true }
        return options
    }

    /// What a handler's error does.
    var onHandlerError: OnHandlerError<SocketAddress> {
        // What the definition says is asked for each time: a reload changes it under a server that stays. Weakly: else
        // the two would hold each other for ever. A service is there until its connections have ended.
        .call { [weak self] _, error in
            try self?.assumeIsolated { if $0.definition.onHandlerError == .raise { throw error } }
        }
    }

    // MARK: Closing

    /// A handler's error has closed one of the servers: the others close too, and connections go on.
    func closeAfterHandlerError() {
        guard phase == .open else { return }
        phase = .closed
        for listener in listeners { listener.retry?.cancel() }
        stopListening()
        changed()
    }

    /// It is closing: nobody is tried again, and nobody is held back any more.
    func beginDraining() {
        isClosedByOperator = true
        guard phase == .open else { return }
        phase = .draining
        suspension = nil
        for listener in listeners { listener.retry?.cancel() }
        changed()
    }

    /// It was closed in an earlier image of this daemon, and stays so.
    func beginClosed(since timestamp: Int64?) {
        phase = .closed
        isClosedByOperator = true
        for address in definition.listen { _ = addListener(address) }
        listeningTimestamp = timestamp
    }

    /// It listened in an earlier image of this daemon.
    func continueListening(since timestamp: Int64?) { listeningTimestamp = timestamp }

    /// What it drained is gone.
    func didDrain() { phase = .closed }

    /// It is to listen again, with what a reload gives it.
    func beginAnew() {
        phase = .open
        isClosedByOperator = false
    }

    /// It is in the configuration no more: it is never opened again.
    func beginDeparting() {
        beginDraining()
        phase = .draining
    }

    // MARK: Looking at it

    /// When this service began to listen, in microseconds since the epoch; nil while it does not listen anywhere.
    var listeningSince: Int64? { servers.contains { !$0.isClosed } ? listeningTimestamp : nil }
}

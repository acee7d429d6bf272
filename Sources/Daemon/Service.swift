// SPDX-License-Identifier: Apache-2.0
// One service: what it has, and which of it may be looked at from elsewhere.

internal import EventLoops
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// A service of the configuration, running.
///
/// It lives on the loop: what it does between two awaits nobody else can disturb. Whoever is on the loop as well, as its
/// manager and its closings are, reaches it by `assumeIsolated`, without an await.
///
/// Its ``ServicePhase`` says whether it is to listen.
actor Service {
    /// Its name, which stays.
    nonisolated let name: ServiceName
    /// What it shares with the other services.
    nonisolated let context: ServiceContext
    /// The limit that all of its servers share.
    nonisolated let limit: ConnectionLimit
    /// Logs under its name.
    nonisolated let logger: Logger
    /// Serves the connections of built-ins.
    nonisolated let streams: StreamHandling
    /// What is in effect: a reload changes it.
    var definition: ServiceDefinition
    /// What serves connections that begin now.
    var handling: Handling
    /// Whether it is to listen.
    var phase = ServicePhase()
    /// Its addresses, in the order of the definition.
    var listeners: [ServiceListener] = []
    /// The number of the listener that was added last.
    var lastListener = 0
    /// The servers of addresses that were given up, as long as they have connections.
    var formerServers: [StreamServer] = []
    /// The listeners that the service manager keeps, by the name under which it does.
    var keptListeners: [String: StreamServer] = [:]
    /// When it began to listen first, in microseconds since the epoch.
    var listeningTimestamp: Int64?
    /// Its connections that have not ended.
    var served: [UInt64: ServedConnection] = [:]
    /// The connections whose handlers have left processes behind.
    var lingering: [UInt64: LingeringConnection] = [:]
    /// The closings that it takes part in.
    var closings: [Closing] = []
    /// What it has counted.
    var counters = ServiceCounters()
    /// Whether it is held back because its program cannot be started.
    var throttle = ServiceThrottle()
    /// Why it accepts nobody at the moment, if it does not.
    var holds = AcceptingHolds<StreamServer>()
    /// What is told once a minute at most.
    var repeated = RepeatedConditions()
    /// What its subscribers were shown last.
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
        handling = try Handling(definition, context, logger: logger)
    }

    /// All of its servers, those too that only have connections left.
    var servers: [StreamServer] { listeners.compactMap(\.server) + formerServers }

    /// Whether it is being closed; one that had been closed before, too.
    var isClosing: Bool { phase.isEnding || closings.contains(where: \.closesServices) }

    /// Does what a change of its phase asks for.
    func act(on action: ServicePhase.Action) {
        guard action != .nothing else { return }
        for listener in listeners { listener.retry?.cancel() }
        if action == .close { stopListening() }
        changed()
    }

    /// Lets go of what its programs write to: it is not opened again, or was never to be.
    func releaseProgram() { handling.program?.close() }
}

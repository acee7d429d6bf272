// SPDX-License-Identifier: Apache-2.0
// A service as the manager interface shows it.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Supervision

extension Service {
    /// What the service is doing.
    var state: ServiceState {
        switch phase.state {
        case .draining, .departing: return .draining
        case .closed: return .closed
        case .open: break
        }
        if listeners.contains(where: { $0.failure != nil }) { return .failed }
        if holds.contains(.suspension) { return .suspended }
        if throttle.isHolding { return .throttled }
        if isOpening { return .opening }
        // Not by the slots that are taken: an acceptor takes some before there is anybody for them, and that of a
        // connection that has just ended is given back after its end was told.
        return connectionCount >= limit.maximum || limit.isAwaited ? .full : .listening
    }

    /// Whether there is an address on which it is yet to listen.
    private var isOpening: Bool {
        listeners.count < definition.listen.count || listeners.contains { $0.server?.isClosed ?? true }
    }

    /// Where its programs are kept; nil when it is a built-in one.
    var controlGroup: ControlGroup? {
        handling.program.map {
            ControlGroup(path: $0.controlGroup, missing: $0.missingResources ?? context.controlGroups.obstacle)
        }
    }

    /// Whether an operator has set another connection limit than the configuration.
    var isLimitedByOperator: Bool {
        limit.maximum != definition.maxConnections ?? ServerOptions.defaultMaxConnections
    }

    /// The service at this moment.
    var status: ServiceStatus {
        let state = state
        var status = ServiceStatus(
            name: name.description, state: state, addresses: listeners.map(\.shownAddress),
            connectionLimit: limit.maximum)
        status.unreachable = unreachable.isEmpty ? nil : unreachable
        if !definition.description.isEmpty { status.description = definition.description }
        status.connections = connectionCount
        status.connectionsAccepted = counters.accepted
        status.handlerFailures = counters.handlerFailures
        status.connectionsRefused = counters.refused
        status.listeningTimestamp = listeningSince
        let failures = listeners.compactMap(\.failure)
        if state == .failed { status.failure = failures.map(\.reason).joined(separator: "; ") }
        if state == .closed { status.failure = phase.failure }
        let due =
            switch state {
            case .throttled: throttle.endsAt
            case .failed: failures.compactMap(\.retryAt).min()
            case .opening, .listening, .full, .suspended, .draining, .closed: Duration?.none
            }
        status.retryTimestamp = due.map { WallClock.microseconds(in: $0 - context.loop.now) }
        status.lastError = counters.lastError?.text
        status.lastErrorTimestamp = counters.lastError?.timestamp
        return status
    }
}

extension Service {
    /// That an address which it is to listen on is not listened on, and why; nil when it is, or is not to be.
    func notListening(on address: ListenAddress) -> NotListening? {
        guard phase.isOpen else { return nil }
        let silent = listeners.first { $0.address == address && $0.server?.isClosed ?? true }
        guard let silent else { return nil }
        return NotListening(
            service: name.description, address: address.description, failure: silent.failure?.reason,
            retryTimestamp: silent.failure?.retryAt.map { WallClock.microseconds(in: $0 - context.loop.now) })
    }

    /// All addresses that it is to listen on and that are not listened on.
    var notListening: [NotListening] { definition.listen.compactMap { notListening(on: $0) } }

    /// The files of the sockets that it listens on.
    var socketFiles: [SocketFile] { listeners.compactMap(\.socketFile) }

    /// These of its files are gone, and all others are there.
    func found(gone files: Set<SocketFile>) {
        let former = unreachable
        for index in listeners.indices {
            listeners[index].isFileGone = listeners[index].socketFile.map(files.contains) ?? false
        }
        if unreachable != former { changed() }
    }

    /// Where it listens, and is to go on, and nobody can connect.
    private var unreachable: [String] {
        phase.isOpen ? listeners.filter { $0.isFileGone && $0.socketFile != nil }.map(\.shownAddress) : []
    }

    /// When this service began to listen, in microseconds since the epoch; nil while it does not listen anywhere.
    var listeningSince: Int64? { servers.contains { !$0.isClosed } ? listeningTimestamp : nil }

    /// Something that the status shows may have changed.
    func changed() {
        context.changes.note()
        guard context.events.hasSubscribers else { return }
        let former = lastShown
        noteShown()
        guard lastShown != former else { return }
        context.events.serviceChanged(status)
    }

    /// Only what changes from now on is a change.
    func noteShown() {
        lastShown = Shown(
            state: state, limit: limit.maximum, addresses: listeners.map(\.shownAddress), unreachable: unreachable)
    }

    /// What is told of a service when it changes.
    struct Shown: Equatable {
        let state: ServiceState
        let limit: Int
        let addresses: [String]
        let unreachable: [String]
    }
}

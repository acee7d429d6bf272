// SPDX-License-Identifier: Apache-2.0
// What of a service outlives the daemon: its connections with programs, its listeners, what an operator has set.

internal import Descriptors
internal import EventLoops
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Supervision

/// A connection that a program has got from an earlier daemon.
struct Survivor: Sendable {
    /// What was written down of it.
    let record: ConnectionRecord
    /// The program's process.
    let process: HandlerProcess
    /// What stands for its program now.
    let program: ServiceProgram
}

extension Service {
    // MARK: For who comes after us

    /// Writes down that a program has a connection.
    func record(_ connection: Connection, _ running: RunningHandler) {
        guard let ledger = context.ledger else { return }
        let now = BootClock.now
        let record = ConnectionRecord(
            id: connection.id, service: name, pid: running.process.pid,
            acceptedAt: now - (context.loop.now - connection.acceptedAt), writtenAt: now,
            peer: connection.peer, localAddress: running.localAddress,
            credentials: connection.socket.peerCredentials.map { .init(pid: $0.pid, uid: $0.uid, gid: $0.gid) },
            cookie: running.stream?.cookie, isCaller: connection.isGiven)
        if ledger.write(record) { return }
        guard let times = repeated.unrecorded.occurred(at: LoopInstant(context.loop.now)) else { return }
        logger.warning(
            "more programs run than can be written down; if serverd crashes, nobody will know of this one",
            metadata: ["connection": .stringConvertible(connection.id), "times": .stringConvertible(times)])
    }

    /// Has the service manager keep a listener that we have bound.
    func keep(_ server: StreamServer, on address: ListenAddress) {
        let listener = server.listener
        guard let store = context.store, store.isThere, !listener.isInherited,
            let name = KeptName.listener(on: address, of: self.name, listener.file)
        else { return }
        // One that it has given us it keeps already: it does not take the same one twice.
        if let copy = listener.copy() { store.keep(copy, as: name) }
        keptListeners[name] = server
    }

    /// Listeners that are closed are not kept any more.
    func forgetClosedListeners() {
        for (name, server) in keptListeners where server.isClosed {
            context.store?.forget(name)
            keptListeners[name] = nil
        }
    }

    /// What another image of this daemon has to know of the service.
    var succession: SuccessionState.Service {
        var state = SuccessionState.Service(operators: operatorSettings)
        state.accepted = counters.accepted
        state.handlerFailures = counters.handlerFailures
        state.refused = counters.refused
        state.lastError = counters.lastError?.text
        state.lastErrorTimestamp = counters.lastError?.timestamp
        state.listeningTimestamp = listeningTimestamp
        state.isClosed = phase.state == .closed
        state.failure = phase.failure
        return state
    }

    /// The descriptors with which another image of this daemon goes on, lent.
    func passDescriptors() -> [SuccessionState.PassedDescriptor] {
        var passed: [SuccessionState.PassedDescriptor] = []
        for listener in listeners {
            guard let socket = listener.server?.listener else { continue }
            guard let number = socket.withDescriptor({ $0 }), let name = descriptorName(of: socket, listener.address)
            else {
                continue
            }
            passed.append(.init(name: name, number: number))
        }
        if let ends = handling.program?.passStandardError() {
            let names = KeptName.standardError(of: name)
            passed.append(.init(name: names.reading, number: ends.reading))
            passed.append(.init(name: names.writing, number: ends.writing))
        }
        return passed
    }

    private func descriptorName(of listener: ListeningSocket, _ address: ListenAddress) -> String? {
        if case .inherited(let name) = address.kind { return name }
        return KeptName.listener(on: address, of: name, listener.file)
    }

    /// The connections that would end with this image of the daemon: their handlers have not got them.
    var connectionsOfOurs: [Connection] { connections.filter { !$0.isWithOther } }

    // MARK: From who was before us

    /// Takes over what another image of this daemon knew of the service, which does not listen yet.
    func succeed(_ state: SuccessionState.Service) {
        counters = ServiceCounters(state)
        listeningTimestamp = state.listeningTimestamp
        // First: what an operator has closed remembers, too, why it had closed before.
        if state.isClosed { phase.remainClosed(isToldTo: state.operators.isClosed, failure: state.failure) }
        restore(state.operators)
    }

    /// Goes on with connections that programs have got from an earlier daemon.
    ///
    /// They count and are listed, limited and ended as those of ours.
    func adopt(_ survivors: [Survivor]) {
        guard let first = survivors.first else { return }
        var connections: [Connection] = []
        let now = BootClock.now
        for survivor in survivors {
            let record = survivor.record
            let socket = ConnectedSocket(
                givenAwayBy: record.peer,
                record.credentials.map { PeerCredentials(pid: $0.pid, uid: $0.uid, gid: $0.gid) },
                localAddress: record.localAddress, on: context.loop)
            let connection = Connection(
                surviving: record.id, socket: socket, acceptedAt: context.loop.now - (now - record.acceptedAt),
                isGiven: record.isCaller)
            connections.append(connection)
            let running = RunningHandler(
                program: survivor.program, process: survivor.process, localAddress: record.localAddress,
                stream: record.stream)
            remember(connection, servedBy: .program(running))
            survivor.program.adopt(survivor.process, for: record.id)
            survivor.program.beginUse()
        }
        // One that only stands for another has nobody to serve after them.
        if first.program !== handling.program { first.program.retire() }
        formerServers.append(
            StreamServer.surviving(
                connections, at: first.record.localAddress, options: serverOptions, onHandlerError: onHandlerError,
                on: context.loop
            ) { [weak self] in try await self?.serve($0) })
    }

    /// What stands for the program of connections that it had before: its own, or, when it is not a program any more,
    /// one that is never started.
    func programOfSurvivors(_ process: HandlerProcess) throws -> ServiceProgram {
        try handling.program ?? ServiceProgram(.former(process), of: name, context, logger: logger)
    }
}

extension ServiceDefinition {
    /// A service of which only a process is known: it listens nowhere, and its program is not started again.
    static func former(_ name: ServiceName, of process: HandlerProcess) -> ServiceDefinition {
        ServiceDefinition(
            name: name, listen: .everyAddress(port: 0), handler: .program(.former(process)),
            origin: Origin(file: "", line: 0))
    }
}

extension ProgramDefinition {
    /// What is known of a program by a process of it.
    fileprivate static func former(_ process: HandlerProcess) -> ProgramDefinition {
        ProgramDefinition(path: process.executable ?? "/proc/\(process.pid)/exe")
    }
}

extension ConnectionRecord {
    /// By what the kernel knows its stream.
    fileprivate var stream: StreamIdentity? {
        guard let cookie, case .inet(let local) = localAddress, case .inet(let peer) = peer else { return nil }
        return StreamIdentity(local: local, peer: peer, cookie: cookie)
    }
}

// SPDX-License-Identifier: Apache-2.0
// How a service begins to listen: on what it is given, on what it binds, and by trying again.

internal import EventLoops
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

extension Service {
    /// Begins to listen on every address; what cannot be bound is tried again by itself.
    ///
    /// One that was closed before this daemon began shows its addresses, and leaves them alone.
    func open(claiming inherited: InheritedSockets) async {
        guard phase.isOpen else {
            for address in definition.listen { _ = addListener(address) }
            return
        }
        for address in definition.listen {
            if case .inherited(let name) = address.kind {
                await listen(
                    on: inherited.claim(named: name), address,
                    missing: "no socket named \"\(name)\" was handed over; start serverd from a .socket unit with "
                        + "FileDescriptorName=\(name), or with systemd-socket-activate --fdname=\(name)")
            } else if let place = inherited.claim(on: address, of: name) {
                await listen(addListener(address), at: place)
            } else {
                await listen(addListener(address))
            }
        }
    }

    /// Listens again where it does not: after a close at once, after a failure without waiting for the next try.
    ///
    /// - Returns: false while it is being closed.
    func reopen() async -> Bool {
        guard !isClosing, beginAnew() else { return false }
        await listenAgain()
        return true
    }

    /// Listens where it does not, as long as it is to listen.
    func listenAgain() async {
        forgetEnded()
        for listener in listeners where listener.server?.isClosed ?? true {
            listener.retry?.cancel()
            if case .inherited(let name) = listener.address.kind {
                // One that never had a socket has its reason already.
                guard listener.server != nil else { continue }
                failed(
                    listener.id,
                    "the socket named \"\(name)\" was handed over when serverd was started, and is closed now; "
                        + "start serverd again to get it once more", canRetry: false)
            } else {
                await listen(listener.id)
            }
        }
        changed()
    }

    /// It is to listen again; one that was closed is suspended no more, and its time begins anew.
    ///
    /// - Returns: false while it is being closed.
    @discardableResult
    func beginAnew() -> Bool {
        let wasOpen = phase.isOpen
        guard phase.open() else { return false }
        guard !wasOpen else { return true }
        release(.suspension)
        listeningTimestamp = nil
        return true
    }

    /// Adds a listener that does not listen yet, and returns its number.
    func addListener(_ address: ListenAddress) -> Int {
        lastListener += 1
        listeners.append(ServiceListener(id: lastListener, address))
        return lastListener
    }

    /// The place of a listener; nil when a reload has given it up.
    func index(_ id: Int) -> Int? { listeners.firstIndex { $0.id == id } }

    /// Listens on the sockets that were claimed for an address; `missing` is the error when there is none.
    func listen(on claimed: ClaimedSockets, _ address: ListenAddress, missing: String) async {
        for place in claimed.places { await listen(addListener(address), at: place) }
        let isMissing = claimed.places.isEmpty && claimed.errors.isEmpty
        for error in isMissing ? [missing] : claimed.errors { failed(addListener(address), error, canRetry: false) }
    }

    /// Begins to listen on the address of a listener.
    func listen(_ id: Int) async {
        guard phase.isOpen, let index = index(id),
            let place = listeners[index].address.placeToBind(definition.socketFile)
        else { return }
        await listen(id, at: place)
    }

    private func listen(_ id: Int, at place: WhereToListen<SocketAddress, SocketAddress>) async {
        // Who opens a service, and a try that waited for an address, may come at the same time.
        guard lacksServer(id) else { return }
        let beginsHeld = holds.isHolding
        do {
            let server = try await makeServer(place, beginsHeld: beginsHeld)
            guard let index = index(id), lacksServer(id) else { return await abandon(server) }
            listeners[index].retry?.cancel()
            if let closed = listeners[index].server, closed.numConnections > 0 { formerServers.append(closed) }
            listeners[index].server = server
            listeners[index].failure = nil
            listeners[index].isFileGone = false
            listeners[index].backoff.succeeded()
            keep(server, on: listeners[index].address)
            logger.notice("listening", metadata: ["address": .string(server.listeningOnAddress.description)])
            if listeningTimestamp == nil { listeningTimestamp = WallClock.microseconds }
            join(server, beganHeld: beginsHeld)
            // It may have been closed meanwhile.
            if !phase.isOpen { await server.close() }
        } catch {
            failed(id, "\(error)", canRetry: !place.isInherited)
        }
        changed()
    }

    /// Whether there is a listener of this number that does not listen.
    private func lacksServer(_ id: Int) -> Bool { index(id).map { listeners[$0].server?.isClosed ?? true } ?? false }

    private func failed(_ id: Int, _ reason: String, canRetry: Bool) {
        guard let index = index(id), lacksServer(id) else { return }
        var retryAt: Duration?
        if canRetry, phase.isOpen {
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
        guard phase.isOpen, let index = index(id) else { return }
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
        // Whoever is accepted beyond that only waits for a slot, and is lost with us in a crash. For built-ins, too: a
        // reload may give a server that stays a program.
        options.maxAcceptsPerBatch = Spawner.slotCount
        options.numbering = context.numbering
        options.onEvent = { [weak self] event in self?.assumeIsolated { $0.handle(event) } }
        options.refusesDescriptors = handling.isBuiltIn
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
}

// SPDX-License-Identifier: Apache-2.0
// What a reload does to a running service: another definition, other addresses, while its connections go on.

internal import EventLoops
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// A step of a reload that takes its time.
typealias ReloadStep = Task<Void, Never>

extension Service {
    // MARK: Another definition

    /// Puts another definition into effect, except for its addresses: `handling` is what it asks for, if that has changed.
    ///
    /// Handlers that run go on as they began. What an operator has set with SetLimit ends. Whoever calls it tells the change,
    /// when the addresses are those of the definition, too.
    func take(_ next: ServiceDefinition, _ handling: Handling?) {
        let last = definition
        definition = next
        if let handling { replaceHandling(by: handling) }
        if last.backlog != next.backlog {
            for listener in listeners { listener.server?.listener.setBacklog(next.backlog) }
        }
        limit.setMaximum(next.maxConnections ?? ServerOptions.defaultMaxConnections)
    }

    private func replaceHandling(by next: Handling) {
        handling.program?.retire()
        handling = next
        for server in servers {
            switch next {
            case .builtIn: server.listener.refuseDescriptors()
            case .program: server.listener.passDescriptors()
            }
        }
        // It was the last one that could not be started.
        throttle.policy = Throttle()
        endThrottling()
    }

    // MARK: Other addresses

    /// Gives an address up: who has connected is still served, for as long as `grace` allows, and connections go on.
    ///
    /// The step ends when nobody listens there any more.
    func giveUp(_ address: ListenAddress, grace: Duration) -> ReloadStep {
        let given = listeners.filter { $0.address == address }
        listeners.removeAll { $0.address == address }
        formerServers += given.compactMap(\.server)
        for listener in given { listener.retry?.cancel() }
        return Task(executorPreference: context.loop) {
            for listener in given {
                // What that opens is abandoned by it.
                await listener.opening?.value
                if let server = listener.server { await self.finish(server, within: grace) }
            }
            await self.gaveUp()
        }
    }

    private func gaveUp() {
        forgetEnded()
        changed()
    }

    /// Forgets the servers of addresses that were given up, once they have no connections.
    func forgetEnded() {
        guard !formerServers.isEmpty else { return }
        formerServers.removeAll { $0.isClosed && $0.numConnections == 0 }
    }

    /// Closes a server whose address was given up while it was being opened.
    func abandon(_ server: StreamServer) async {
        formerServers.append(server)
        await finish(server, within: context.settings.drainTimeout)
    }

    private func finish(_ server: StreamServer, within grace: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [loop = context.loop] in
                // Cancelled when nobody waits in the queue any more.
                guard (try? await loop.sleep(for: grace)) != nil else { return }
                await server.close()
            }
            await server.finishAccepting()
            group.cancelAll()
        }
    }

    /// Listens on an address once `others` have ended; of `inherited` it takes what has the name.
    ///
    /// The step ends when it listens, or has failed and is tried again by itself.
    func begin(_ address: ListenAddress, after others: [ReloadStep], claiming inherited: InheritedSockets) -> ReloadStep
    {
        let id = addListener(address)
        let step = Task(executorPreference: context.loop) {
            for other in others { await other.value }
            if case .inherited(let name) = address.kind {
                await self.listen(claiming: inherited, name, address, inPlaceOf: id)
            } else {
                await self.listen(id)
            }
        }
        if let index = index(id) { listeners[index].opening = step }
        return step
    }

    private func listen(
        claiming inherited: InheritedSockets, _ name: String, _ address: ListenAddress, inPlaceOf id: Int
    ) async {
        // Given up again, meanwhile. First: what nobody claims closes itself.
        guard index(id) != nil else { return }
        await listen(
            on: inherited.claim(named: name), address,
            missing:
                "serverd has no socket of that name any more: it gets them when it is started, and closes those that "
                + "no service claims then; restart serverd")
        listeners.removeAll { $0.id == id }
        arrangeListeners()
    }

    /// Shows the listeners in the order of the definition.
    func arrangeListeners() {
        let places = Dictionary(uniqueKeysWithValues: definition.listen.enumerated().map { ($1, $0) })
        listeners.sort { (places[$0.address] ?? .max, $0.id) < (places[$1.address] ?? .max, $1.id) }
    }

    // MARK: The end

    /// Returns when nobody listens on `address` any more, after a drain has begun.
    func stoppedListening(on address: ListenAddress) async {
        for opening in listeners.filter({ $0.address == address }).compactMap(\.opening) { await opening.value }
        for server in listeners.filter({ $0.address == address }).compactMap(\.server) { await server.closeFinished() }
    }
}

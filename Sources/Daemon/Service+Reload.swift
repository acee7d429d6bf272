// SPDX-License-Identifier: Apache-2.0
// What a reload does to a running service: another definition, other addresses, while its connections go on.

internal import EventLoops
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// What earlier definitions of a service have left behind, as long as connections need it.
struct FormerParts {
    /// Those of addresses that were given up.
    var servers: [StreamServer] = []
    /// Those that were replaced.
    var programs: [ServiceProgram] = []

    /// Forgets what nobody needs any more.
    mutating func forgetEnded() {
        if !servers.isEmpty { servers.removeAll { $0.isClosed && $0.numConnections == 0 } }
        if !programs.isEmpty { programs.removeAll { $0.isClosed && $0.running.isEmpty } }
    }
}

/// A step of a reload that takes its time.
typealias ReloadStep = Task<Void, Never>

extension Service {
    // MARK: Another definition

    /// Puts another definition into effect, except for its addresses: `program` is its own, if that has changed.
    ///
    /// Handlers that run go on as they began. What an operator has set with SetLimit ends.
    func adopt(_ next: ServiceDefinition, program: ServiceProgram?) {
        let last = definition
        definition = next
        if last.handler != next.handler { replaceHandler(by: program) }
        if last.backlog != next.backlog {
            for listener in listeners { listener.server?.core.listener.setBacklog(next.backlog) }
        }
        limit.setMaximum(next.maxConnections ?? ServerOptions.defaultMaxConnections)
        changed()
    }

    private func replaceHandler(by next: ServiceProgram?) {
        if let program {
            program.retire()
            former.programs.append(program)
            former.forgetEnded()
        }
        program = next
        for server in servers {
            if next == nil { server.core.listener.refuseDescriptors() } else { server.core.listener.passDescriptors() }
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
        former.servers += given.compactMap(\.server)
        for listener in given { listener.retry?.cancel() }
        return Task(executorPreference: context.loop) {
            for listener in given {
                // What that opens is abandoned by it.
                await listener.opening?.value
                if let server = listener.server { await self.finish(server, within: grace) }
            }
            await self.forgetEnded()
        }
    }

    private func forgetEnded() {
        former.forgetEnded()
        changed()
    }

    /// Closes a server whose address was given up while it was being opened.
    func abandon(_ server: StreamServer) async {
        former.servers.append(server)
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
                await self.adopt(inherited.claim(named: name), address, inPlaceOf: id)
            } else {
                await self.listen(id)
            }
        }
        if let index = index(id) { listeners[index].opening = step }
        return step
    }

    private func adopt(
        _ claimed: (places: [WhereToListen<SocketAddress, SocketAddress>], errors: [String]), _ address: ListenAddress,
        inPlaceOf id: Int
    ) async {
        await adopt(
            claimed, address,
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

    /// Ends what was prepared for a service that is not to be.
    func discard() { program?.close() }
}

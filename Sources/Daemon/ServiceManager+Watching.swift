// SPDX-License-Identifier: Apache-2.0
// Replies that go on: what happens, and the lists of services and connections as they change.

internal import EventLoops
internal import Glibc
internal import ManagerInterface
internal import ServiceConfig
internal import Supervision
internal import Varlink

extension ServiceManager {
    /// The shortest time between two replies that tell changes of a list.
    static let listInterval = Duration.milliseconds(200)
    /// How many elements a reply has at most: readers begin before all is made.
    ///
    /// Making one is a turn of the loop, and must be well below the half millisecond that a client may wait.
    static let elementsPerReply = 16
    /// Of how many connections is looked at at once what they use.
    static let connectionsAtOnce = 128
    /// How many such portions are ahead of the replies, so that the threads that look always have something to do.
    static let portionsAhead = 4

    /// Sends what happens, until the caller goes or is too slow.
    ///
    /// - Throws: `TooSlow`; `DaemonStopping` at the daemon's end; what `replies` throws.
    func subscribe(
        _ call: Manager.Subscribe.Parameters, _ caller: AdminCaller, _ replies: ReplyStream<Manager.Subscribe.Result>
    ) async throws -> Manager.Subscribe.Result {
        let subscription = EventHub.Subscription(service: call.service, kinds: call.kinds, caller: caller)
        for service in allServices { await service.noteShown() }
        context.events.add(subscription)
        defer { context.events.remove(subscription) }
        lookAtSocketFilesForSubscribers()
        try await replies.send(.init(events: []))
        do {
            while let events = try await subscription.queue.next() {
                var rest = events[...]
                while !rest.isEmpty {
                    try await replies.send(.init(events: rest.prefix(Self.elementsPerReply).map(\.event)))
                    rest = rest.dropFirst(Self.elementsPerReply)
                }
            }
        } catch let overflow as ReplyQueueOverflow {
            throw VarlinkError(Manager.TooSlow(limit: overflow.limit))
        }
        try Task.checkCancellation()
        throw VarlinkError(Manager.DaemonStopping())
    }

    /// Sends all services, and then what changes of them, until the caller goes.
    func listServices(_ replies: ReplyStream<Manager.ListServices.Result>) async throws -> Manager.ListServices.Result {
        try await follow { (services, removed, isComplete) in
            try await replies.send(
                .init(services: services, removed: removed.isEmpty ? nil : removed, complete: isComplete))
        } list: {
            [await self.listServices().services]
        } isSame: {
            // A count that changes is no change.
            $0.state == $1.state && $0.connectionLimit == $1.connectionLimit && $0.addresses == $1.addresses
                && $0.description == $1.description && $0.unreachable == $1.unreachable
        }
    }

    /// Sends the connections that a filter holds for, and then what changes of them, until the caller goes.
    ///
    /// - Throws: what is wrong with the filter; what `replies` throws.
    func listConnections(
        _ filter: ConnectionFilter, usage: Bool, _ replies: ReplyStream<Manager.ListConnections.Result>
    ) async throws -> Manager.ListConnections.Result {
        // What some connections use is looked at while the replies with those before them are made; the oldest first.
        var ahead: [Task<[ConnectionStatus], Never>] = []
        // With time alone more connections become old enough.
        try await follow(every: filter.olderThan == nil ? nil : .seconds(1), atOnce: Self.connectionsAtOnce) {
            (connections, removed, isComplete) in
            ahead.append(
                Task(executorPreference: self.context.loop) {
                    usage ? await self.addUsage(to: connections) : connections.map(\.status)
                })
            while ahead.count > (isComplete || !usage ? 0 : Self.portionsAhead) {
                let shown = await ahead.removeFirst().value
                let isLast = isComplete && ahead.isEmpty
                try await self.send(shown, isLast ? removed : [], isComplete: isLast, replies)
            }
        } list: {
            try self.connectionParts(filter)
        } isSame: {
            $0.status == $1.status
        }
    }

    /// Sends connections in replies of which each is made in a turn of its own, and with the last what else there is.
    private func send(
        _ connections: [ConnectionStatus], _ removed: [UInt64], isComplete: Bool,
        _ replies: ReplyStream<Manager.ListConnections.Result>
    ) async throws {
        var rest = connections[...]
        while rest.count > Self.elementsPerReply {
            try await replies.send(.init(connections: Array(rest.prefix(Self.elementsPerReply)), complete: false))
            rest = rest.dropFirst(Self.elementsPerReply)
            await giveWay()
        }
        try await replies.send(
            .init(connections: Array(rest), removed: removed.isEmpty ? nil : removed, complete: isComplete))
    }

    /// Sends a list, and then again and again how it differs from what was sent.
    ///
    /// `list` gives it in parts, between which the loop turns, and which are sent as soon as there is enough of them. A
    /// caller that is slow is sent the differences of a longer time: nothing waits for it.
    private func follow<Element: Identifiable & Sendable, Parts: Sequence<[Element]>>(
        every interval: Duration? = nil, atOnce count: Int = elementsPerReply,
        send: ([Element], [Element.ID], Bool) async throws -> Void,
        list: () async throws -> Parts, isSame: (Element, Element) -> Bool
    ) async throws -> Never where Element.ID: Sendable {
        var known: [Element.ID: Element] = [:]
        var isFirst = true
        while true {
            let seen = context.changes.count
            var gone = Set(known.keys)
            var changed: [Element] = []
            let parts = try await list()
            // Growing would move all at once, in one turn.
            if isFirst { known.reserveCapacity(parts.underestimatedCount) }
            for part in parts {
                for element in part {
                    gone.remove(element.id)
                    if let former = known[element.id], isSame(former, element) { continue }
                    known[element.id] = element
                    changed.append(element)
                }
                while changed.count >= count {
                    try await send(Array(changed.prefix(count)), [], false)
                    changed.removeFirst(count)
                }
                await giveWay()
            }
            for id in gone { known[id] = nil }
            if isFirst || !changed.isEmpty || !gone.isEmpty { try await send(changed, Array(gone), true) }
            isFirst = false
            try await context.loop.sleep(for: Self.listInterval)
            try await waitForChange(since: seen, atMost: interval)
        }
    }

    // To whoever waits for a turn of the loop, and to a child that is on its way on the loop's processor.
    private func giveWay() async {
        if context.spawner.takeOwedYield() { sched_yield() }
        await context.loop.yieldTurn()
    }

    private func waitForChange(since seen: Int, atMost interval: Duration?) async throws {
        guard let interval else {
            guard await context.changes.change(after: seen) else { throw CancellationError() }
            return
        }
        try await context.loop.sleep(for: interval)
    }
}

extension ServiceStatus: Identifiable {
    /// Its name.
    var id: String { name }
}

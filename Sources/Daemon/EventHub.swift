// SPDX-License-Identifier: Apache-2.0
// What happens, told to everyone who has subscribed: each in its own bounded queue, so that a slow one harms nobody.

internal import EventLoops
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import Synchronization
internal import Varlink

/// The subscribers of the manager interface.
///
/// Whatever tells an event asks ``hasSubscribers`` first where making it costs something.
final class EventHub: Sendable {
    /// How many events may wait for one subscriber.
    static let queueLimit = 8192
    /// How long one that was too slow may take for what it is being sent, before its connection is closed.
    static let lastChance = Duration.seconds(5)
    /// How long subscribers may take at the daemon's end.
    static let lastWords = Duration.seconds(1)

    private let loop: EventLoop
    private let logger: Logger
    private let state = Mutex(State())
    private let left: LoopCondition

    private struct State {
        var subscriptions: [ObjectIdentifier: Subscription] = [:]
        /// Whether nothing more is told.
        var isOver = false
    }

    /// A hub without subscribers.
    init(on loop: EventLoop, logger: Logger) {
        left = LoopCondition(on: loop)
        self.loop = loop
        self.logger = logger
    }

    /// Whether anybody is told.
    var hasSubscribers: Bool { state.withLock { !$0.subscriptions.isEmpty } }

    // MARK: Subscribing

    /// What one subscriber wants to know, and what waits for it.
    final class Subscription: Sendable {
        /// The events that it has not taken yet; an overflow ends its call.
        let queue = ReplyQueue<SharedEvent>(limit: EventHub.queueLimit)
        /// The one service that it asked about, or nil for all.
        let service: String?
        /// The kinds of events that it asked for, or nil for all.
        let kinds: Set<EventKind>?
        /// Who it is.
        let caller: AdminCaller

        /// A subscription that nothing is told yet.
        init(service: String?, kinds: [EventKind]?, caller: AdminCaller) {
            self.service = service
            self.kinds = kinds.map(Set.init)
            self.caller = caller
        }

        /// Whether `event` is of its kinds, and about its service or about none.
        func wants(_ event: Event) -> Bool {
            if let kinds, !kinds.contains(event.kind) { return false }
            guard let service, let about = event.service else { return true }
            return service == about
        }
    }

    /// Tells a subscriber everything from now on, until ``remove(_:)``; at the daemon's end, nothing.
    func add(_ subscription: Subscription) {
        let isOver = state.withLock { state in
            if !state.isOver { state.subscriptions[ObjectIdentifier(subscription)] = subscription }
            return state.isOver
        }
        if isOver { subscription.queue.finish() }
    }

    /// Tells it nothing more.
    ///
    /// Only on the loop.
    func remove(_ subscription: Subscription) {
        state.withLock { $0.subscriptions[ObjectIdentifier(subscription)] = nil }
        subscription.queue.finish()
        left.signal()
    }

    /// Nothing more will happen: returns when every subscriber has been sent what waits for it, or after ``lastWords``.
    func finish() async {
        let rest = state.withLock { state in
            state.isOver = true
            return Array(state.subscriptions.values)
        }
        for subscription in rest { subscription.queue.finish() }
        let timer = loop.schedule(after: Self.lastWords) {
            self.state.withLock { $0.subscriptions = [:] }
            self.left.signal()
        }
        await left.wait { !self.hasSubscribers }
        timer.cancel()
    }

    // MARK: Telling

    /// A service has accepted a connection.
    func connectionOpened(_ status: ConnectionStatus) {
        tell(.connectionOpened) {
            $0.service = status.service
            $0.connection = status
        }
    }

    /// A connection has ended; `status` is how it was last.
    func connectionEnded(_ status: ConnectionStatus, _ exit: ExitReport) {
        tell(.connectionEnded) {
            $0.service = status.service
            $0.connection = status
            $0.exit = exit
        }
    }

    /// A service has closed between a client's connection and its acceptance.
    func connectionRefused(by service: ServiceName, _ peer: SocketAddress) {
        tell(.connectionRefused) {
            $0.service = service.description
            $0.peer = peer.description
            $0.refusal = .closed
        }
    }

    /// A service was added, or what its subscribers are shown has changed.
    func serviceChanged(_ status: ServiceStatus) {
        tell(.serviceChanged) {
            $0.service = status.name
            $0.status = status
        }
    }

    /// A service is no longer there.
    func serviceRemoved(_ name: ServiceName) { tell(.serviceRemoved) { $0.service = name.description } }

    /// A closing has come further; `service` is the one that it is about, if it is about one.
    func closing(_ progress: ClosingProgress, _ service: String?) {
        tell(.closingProgress) {
            $0.service = service
            $0.closing = progress
        }
    }

    /// A configuration was put into effect.
    func reloaded(_ changes: ConfigurationChanges) { tell(.reloaded) { $0.changes = changes } }

    /// A configuration was not put into effect.
    func reloadFailed(_ errors: [ConfigurationError]) { tell(.reloadFailed) { $0.errors = errors } }

    /// The daemon was told to stop.
    func daemonStopping() { tell(.daemonStopping) }

    private func tell(_ kind: EventKind, _ fill: (inout Event) -> Void = { _ in }) {
        guard hasSubscribers else { return }
        var event = Event(kind: kind, timestamp: WallClock.microseconds)
        fill(&event)
        let shared = SharedEvent(event)
        for subscription in state.withLock({ Array($0.subscriptions.values) }) where subscription.wants(event) {
            if !subscription.queue.offer(shared) { lost(subscription) }
        }
    }

    private func lost(_ subscription: Subscription) {
        state.withLock { $0.subscriptions[ObjectIdentifier(subscription)] = nil }
        let caller = subscription.caller
        logger.warning(
            "a subscriber took events too slowly; its call has ended",
            metadata: ["uid": .stringConvertible(caller.uid), "caller_pid": .stringConvertible(caller.pid)])
        // Its call ends with TooSlow, which can only be sent behind the reply that is being sent. A caller that does
        // not even take that is cut off.
        loop.schedule(after: Self.lastChance) { caller.disconnect() }
        tell(.subscriberLost) {
            $0.subscriber = UnixPeer(uid: caller.uid, gid: caller.gid, pid: caller.pid)
        }
    }
}

/// An event that waits in many queues and is kept once: who does not read costs a reference.
final class SharedEvent: Sendable {
    /// The event.
    let event: Event

    /// An event that is going to wait.
    init(_ event: Event) { self.event = event }
}

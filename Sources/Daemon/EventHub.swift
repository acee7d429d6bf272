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

    private let loop: EventLoop
    private let logger: Logger
    private let subscriptions = Mutex<[ObjectIdentifier: Subscription]>([:])
    private let changed: LoopCondition
    private let version = Atomic(0)

    /// A hub without subscribers.
    init(on loop: EventLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
        changed = LoopCondition(on: loop)
    }

    /// Whether anybody is told.
    var hasSubscribers: Bool { subscriptions.withLock { !$0.isEmpty } }

    // MARK: Subscribing

    /// What one subscriber wants to know, and what waits for it.
    final class Subscription: Sendable {
        let queue = ReplyQueue<SharedEvent>(limit: EventHub.queueLimit)
        let service: String?
        let kinds: Set<EventKind>?
        let caller: AdminCaller

        init(service: String?, kinds: [EventKind]?, caller: AdminCaller) {
            self.service = service
            self.kinds = kinds.map(Set.init)
            self.caller = caller
        }

        func wants(_ event: Event) -> Bool {
            if let kinds, !kinds.contains(event.kind) { return false }
            guard let service, let about = event.service else { return true }
            return service == about
        }
    }

    /// Tells a subscriber everything from now on, until ``remove(_:)``.
    func add(_ subscription: Subscription) {
        subscriptions.withLock { $0[ObjectIdentifier(subscription)] = subscription }
    }

    /// Tells it nothing more.
    func remove(_ subscription: Subscription) {
        subscriptions.withLock { $0[ObjectIdentifier(subscription)] = nil }
        subscription.queue.finish()
    }

    // MARK: Telling

    func connectionOpened(_ status: ConnectionStatus) {
        tell(.connectionOpened) {
            $0.service = status.service
            $0.connection = status
        }
    }

    func connectionEnded(_ status: ConnectionStatus, _ exit: ExitReport) {
        tell(.connectionEnded) {
            $0.service = status.service
            $0.connection = status
            $0.exit = exit
        }
    }

    func connectionRefused(by service: ServiceName, _ peer: SocketAddress) {
        tell(.connectionRefused) {
            $0.service = service.description
            $0.peer = peer.description
            $0.refusal = .closed
        }
    }

    func serviceChanged(_ status: ServiceStatus) {
        tell(.serviceChanged) {
            $0.service = status.name
            $0.status = status
        }
    }

    func serviceRemoved(_ name: ServiceName) { tell(.serviceRemoved) { $0.service = name.description } }

    func closing(_ progress: ClosingProgress, _ service: String?) {
        tell(.closingProgress) {
            $0.service = service
            $0.closing = progress
        }
    }

    func reloaded(_ changes: ConfigurationChanges) { tell(.reloaded) { $0.changes = changes } }

    func reloadFailed(_ errors: [ConfigurationError]) { tell(.reloadFailed) { $0.errors = errors } }

    private func tell(_ kind: EventKind, _ fill: (inout Event) -> Void) {
        guard hasSubscribers else { return }
        var event = Event(kind: kind, timestamp: Int(WallClock.microseconds))
        fill(&event)
        let shared = SharedEvent(event)
        for subscription in subscriptions.withLock({ Array($0.values) }) where subscription.wants(event) {
            if !subscription.queue.offer(shared) { lost(subscription) }
        }
    }

    private func lost(_ subscription: Subscription) {
        subscriptions.withLock { $0[ObjectIdentifier(subscription)] = nil }
        let caller = subscription.caller
        logger.warning(
            "a subscriber took events too slowly; its call has ended",
            metadata: ["uid": .stringConvertible(caller.uid), "caller_pid": .stringConvertible(caller.pid)])
        // It is told so behind what is being sent, if it takes that.
        loop.schedule(after: Self.lastChance) { caller.disconnect() }
        tell(.subscriberLost) {
            $0.subscriber = UnixPeer(uid: caller.uid, gid: caller.groups.first ?? .max, pid: caller.pid)
        }
    }

    // MARK: Watching for changes

    /// Something that lists show has changed.
    func noteChange() {
        version.wrappingAdd(1, ordering: .relaxed)
        changed.signal()
    }

    /// How often ``noteChange()`` was called.
    var changeCount: Int { version.load(ordering: .relaxed) }

    /// Waits until there were more changes than `count`; false when the task was cancelled first.
    func changed(since count: Int) async -> Bool { await changed.wait { self.changeCount != count } }
}

/// An event that waits in many queues and is kept once: who does not read costs a reference.
final class SharedEvent: Sendable {
    let event: Event

    init(_ event: Event) { self.event = event }
}

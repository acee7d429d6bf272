// SPDX-License-Identifier: Apache-2.0
// The acceptor: takes a slot, accepts, hands on; at the limit it does not accept, and no error ends it.

internal import EventLoops
internal import Policy
internal import Sockets
internal import SystemPackage

/// Accepts the connections of one listener, on the loop.
///
/// Everything that may let it go on ends in ``proceed(promised:)``: the listener became readable, a slot was given back,
/// a pause is over, the drop mode changed. There is no other gate, and no flag that an error could leave set.
// Safe: the state is touched only on the loop's thread.
final class Acceptor: @unchecked Sendable {
    /// What the acceptor needs of its server.
    struct Actions {
        let isDropping: () -> Bool
        let start: (AcceptedConnection) -> Void
        let drop: (AcceptedConnection) -> Void
        let emit: (ServerEvent) -> Void
    }

    private enum Mode {
        case accepting
        case finishing(AcceptorFinish)
        case stopped
    }

    private let listener: ListeningSocket
    private let limit: ConnectionLimit
    private let batch: Int
    private let loop: EventLoop
    private let actions: Actions
    private var mode = Mode.accepting
    private var watch: DescriptorWatch?
    private var pause: LoopTimer?
    private var backoff = Backoff(first: .milliseconds(100), longest: .seconds(1))
    private var pauses = RepeatedCondition<LoopInstant>()
    private var limitReached = RepeatedCondition<LoopInstant>()
    private var holds = 0

    init(_ listener: ListeningSocket, limit: ConnectionLimit, batch: Int, on loop: EventLoop, _ actions: Actions) {
        self.listener = listener
        self.limit = limit
        self.batch = batch
        self.loop = loop
        self.actions = actions
    }

    /// Accepts who is there already, before it returns, and goes on by itself.
    func start() {
        watch = listener.withDescriptor { number in
            DescriptorWatch(number, on: loop) { [unowned self] _ in self.proceed() }
        }
        proceed()
    }

    /// Is to start with a hold.
    func beginHeld() { holds = 1 }

    /// Stops for good and lets go of the listener's descriptor, which may be closed then.
    func stop() {
        if case .finishing(let finish) = mode { finish.cancel() }
        mode = .stopped
        limit.stopWaiting(self)
        pause?.cancel()
        pause = nil
        watch?.cancel()
        watch = nil
    }

    /// Accepts who is still in the queue or on the way to it, within the limit, and calls `done` when nobody is left.
    func finish(_ done: @escaping () -> Void) {
        guard case .accepting = mode else { return done() }
        mode = .finishing(AcceptorFinish(listener, on: loop, proceed: { [unowned self] in self.proceed() }, done: done))
        proceed()
    }

    /// Accepts nobody until every hold is released; clients wait in the backlog.
    func hold() {
        holds += 1
        watch?.change(to: [])
    }

    /// Takes one hold away.
    func release() {
        precondition(holds > 0, "a hold was released twice")
        holds -= 1
        proceed()
    }

    /// A connection of ours has given back its descriptor: a pause for want of descriptors is over.
    func connectionEnded() {
        guard pause != nil else { return }
        endPause()
    }

    // MARK: The path of a connection

    /// Accepts what there is room for, at most a batch.
    ///
    /// `promised` slots are already ours.
    func proceed(promised: Int = 0) {
        guard watch != nil, pause == nil, !isHeld else { return limit.giveBack(promised) }
        // The slots are taken before anybody is accepted: the limit is never exceeded, and nobody is accepted to wait.
        var slots = promised + limit.take(upTo: batch - promised)
        defer { limit.giveBack(slots) }
        let isDropping = actions.isDropping()
        guard slots > 0 || isDropping else { return waitForSlot() }
        var turns = isDropping ? batch : slots
        while turns > 0 {
            turns -= 1
            switch listener.accept() {
            case .success(let accepted) where isDropping:
                backoff.succeeded()
                actions.drop(accepted)
            case .success(let accepted):
                backoff.succeeded()
                slots -= 1
                actions.start(accepted)
            case .failure(let errno):
                guard goOn(after: errno) else { return }
            }
        }
        waitForClient()
        // Behind a barrier nobody comes who would wake us: look whether this was the last one.
        if case .finishing = mode { loop.execute { self.proceed() } }
    }

    // Those behind the barrier are served or refused now: there is no later.
    private var isHeld: Bool {
        if case .finishing = mode { return false }
        return holds > 0
    }

    /// - Returns: whether the next connection may be looked at now.
    private func goOn(after errno: Errno) -> Bool {
        if case .finishing(let finish) = mode, errno == .invalidArgument || AcceptFailure(errno) == .nobodyThere {
            if errno == .invalidArgument { watch?.change(to: []) } else { waitForClient() }
            finish.foundQueueEmpty()
            return false
        }
        switch AcceptFailure(errno) {
        case .nobodyThere:
            waitForClient()
            return false
        case .peer:
            actions.emit(.acceptFailed(errno: errno.rawValue))
            return true
        case .pause:
            beginPause(errno)
            return false
        }
    }

    private func waitForClient() {
        do throws(Errno) { try watch?.watch(for: .read) } catch { beginPause(error) }
    }

    private func waitForSlot() {
        guard listener.mayHaveClient else {
            waitForClient()
            if case .finishing(let finish) = mode { finish.foundQueueEmpty() }
            return
        }
        // Level-triggered: a client that we cannot take must not wake us.
        watch?.change(to: [])
        let waits = limit.waitForSlot(self) { [self] in loop.execute { self.proceed(promised: 1) } }
        guard waits else { return proceed() }
        guard limitReached.occurred(at: LoopInstant(loop.now)) != nil else { return }
        actions.emit(.atConnectionLimit(limit: limit.maximum))
    }

    // MARK: Pausing

    private func beginPause(_ errno: Errno) {
        let duration = backoff.failed()
        watch?.change(to: [])
        pause = loop.schedule(after: duration) { [weak self] in self?.endPause() }
        guard let failures = pauses.occurred(at: LoopInstant(loop.now)) else { return }
        actions.emit(.acceptPaused(errno: errno.rawValue, failures: failures, retryAfter: duration))
    }

    private func endPause() {
        pause?.cancel()
        pause = nil
        proceed()
    }
}

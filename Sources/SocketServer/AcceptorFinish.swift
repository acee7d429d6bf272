// SPDX-License-Identifier: Apache-2.0
// The last accepts of a listener: when is it sure that nobody is left in its queue or on the way there?

internal import EventLoops
internal import Sockets

/// Decides, for an acceptor behind its barrier, when the queue is empty for good.
///
/// Finding the queue empty is not enough: a client whose handshake is under way gets into it later. So first nobody may
/// be on the way any more, which is looked at every 5 ms and at most for a second; then the queue must be found empty
/// once more.
final class AcceptorFinish {
    static let interval = Duration.milliseconds(5)
    static let longest = Duration.seconds(1)

    private let listener: ListeningSocket
    private let loop: EventLoop
    private let proceed: () -> Void
    private let done: () -> Void
    private let deadline: Duration
    private let hasBarrier: Bool
    private var isSealed = false
    private var isDone = false
    private var timer: LoopTimer?

    /// Raises the barrier.
    ///
    /// `proceed` looks at the queue again; `done` is called once, unless cancelled.
    init(
        _ listener: ListeningSocket, on loop: EventLoop, proceed: @escaping () -> Void, done: @escaping () -> Void
    ) {
        self.listener = listener
        self.loop = loop
        self.proceed = proceed
        self.done = done
        deadline = loop.now + Self.longest
        hasBarrier = listener.raiseBarrier()
    }

    func cancel() {
        timer?.cancel()
        isDone = true
    }

    /// The acceptor has just found the queue empty.
    func foundQueueEmpty() {
        guard !isDone else { return }
        guard !isSealed, hasBarrier else {
            cancel()
            return done()
        }
        timer?.cancel()
        if listener.barrierState == .sealed || loop.now >= deadline {
            isSealed = true
            return proceed()
        }
        timer = loop.schedule(after: Self.interval) { [weak self] in self?.proceed() }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Keeps the service manager informed: the status line when it has changed, and that the loop is alive.

internal import EventLoops
internal import Systemd

/// Tells the service manager how the daemon is doing.
///
/// The status is computed and sent at most once a second, and only when something may have changed; the sign of life
/// comes from the loop's own timer, so that it proves that the loop turns.
// Safe: the state is touched only on the loop's thread.
final class StatusReporter: @unchecked Sendable {
    private let loop: EventLoop
    private let writer: LogWriter
    private let isConnected: Bool
    private var line = StatusLine<LoopInstant>()
    private var manager: ServiceManager?
    private var pending: LoopTimer?
    private var hasChanged = false
    private var isEnding = false
    private var isStopped = false

    /// It reports through `writer`, where somebody is connected, once it is started.
    init(_ writer: LogWriter, isConnected: Bool, on loop: EventLoop) {
        self.writer = writer
        self.isConnected = isConnected
        self.loop = loop
    }

    /// Tells that the daemon is ready, and begins to report on `manager`, and to send signs of life if `watchdog` wants
    /// them.
    func start(_ manager: ServiceManager, _ watchdog: Watchdog?) async {
        let text = await manager.statusLine()
        _ = line.update(text, at: LoopInstant(loop.now))
        writer.notify(NotifyMessage(.ready, .status(text)))
        self.manager = manager
        // It may have while the text was made.
        changed()
        if let watchdog { keepAlive(every: watchdog.interval) }
    }

    /// Tells that a reload has begun.
    func reloading() {
        // Before it is ready, that alone is told.
        guard self.manager != nil, !isEnding else { return }
        writer.notify(NotifyMessage(.reloading(at: loop.now)))
    }

    /// Tells that the daemon is ready again, and how `manager` does.
    func reloaded(_ manager: ServiceManager) async {
        let text = await manager.statusLine()
        // The end may have begun meanwhile: the service manager is not to take that back.
        guard self.manager != nil, !isEnding else { return }
        _ = line.update(text, at: LoopInstant(loop.now))
        writer.notify(NotifyMessage(.ready, .status(text)))
    }

    /// Tells that the daemon ends, which may take `longest`.
    func ending(longest: Duration) {
        isEnding = true
        writer.notify(NotifyMessage(.stopping, .extendTimeout(longest)))
    }

    /// Something that the status line shows may have changed.
    func changed() {
        hasChanged = true
        guard isConnected, !isStopped, manager != nil, pending == nil else { return }
        // A moment, in which more may change: a burst of connections costs one line.
        pending = loop.schedule(after: .milliseconds(100)) { [self] in update() }
    }

    /// Ends the reports and the signs of life.
    func stop() {
        isStopped = true
        pending?.cancel()
        pending = nil
        // It holds us, too.
        manager = nil
    }

    private func update() {
        guard let manager, !isStopped else { return }
        hasChanged = false
        // Nobody waits for it: `pending` says that it is under way.
        _ = Task(executorPreference: loop) {
            let text = await manager.statusLine()
            self.act(on: self.line.update(text, at: LoopInstant(self.loop.now)))
        }
    }

    private func act(on step: StatusLine<LoopInstant>.Step) {
        pending = nil
        guard !isStopped else { return }
        switch step {
        case .nothing:
            if hasChanged { changed() }
        case .send(let text):
            writer.notify(NotifyMessage(.status(text)))
            if hasChanged { changed() }
        case .wait(let until):
            pending = loop.schedule(after: until.time - loop.now) { [self] in update() }
        }
    }

    private func keepAlive(every interval: Duration) {
        guard !isStopped else { return }
        writer.notify(NotifyMessage(.alive))
        loop.schedule(after: interval) { [self] in keepAlive(every: interval) }
    }
}

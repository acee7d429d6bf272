// SPDX-License-Identifier: Apache-2.0
// Holding a service back while its program cannot be started, and letting it go on by itself.

internal import EventLoops
internal import Logging
internal import Policy
internal import SocketServer
internal import Supervision

/// Whether a service is held back because its program cannot be started.
struct ServiceThrottle {
    /// When it is to be held back, and for how long.
    var policy = Throttle()
    /// When it goes on, on the loop's clock.
    var endsAt: Duration?
    /// What lets it go on then.
    var timer: LoopTimer?

    /// Whether it is held back.
    var isHolding: Bool { endsAt != nil }
}

extension Service {
    /// A handler could not be started, for good.
    func noteSpawnFailure() {
        if throttle.policy.spawnFailed(at: context.loop.now) { beginThrottling() }
    }

    /// A handler has ended with success.
    func noteSuccess() { throttle.policy.handlerSucceeded() }

    private func beginThrottling() {
        guard !throttle.isHolding, phase.isOpen, let until = throttle.policy.until else { return }
        throttle.endsAt = until
        hold(for: .throttling)
        let wait = until - context.loop.now
        if let times = repeated.throttled.occurred(at: LoopInstant(context.loop.now)) {
            logger.warning(
                "handlers cannot be started; new connections wait in the backlog for a while",
                metadata: [
                    "failures": .stringConvertible(throttle.policy.failures), "times": .stringConvertible(times),
                    "retry_ms": .stringConvertible(wait.wholeMilliseconds),
                ])
        }
        throttle.timer = context.loop.schedule(after: wait) { [weak self] in self?.assumeIsolated { $0.endThrottling() }
        }
        changed()
    }

    /// Lets the service go on.
    func endThrottling() {
        guard throttle.isHolding else { return }
        throttle.endsAt = nil
        throttle.timer?.cancel()
        release(.throttling)
        changed()
    }
}

// SPDX-License-Identifier: Apache-2.0
// Signals of the process, delivered on the loop.

internal import CSystemd
internal import Glibc
package import SystemPackage

/// Signals to the process that are delivered on the loop instead of interrupting a thread.
///
/// They must be blocked in every thread: call ``block(_:)`` before any other thread is started. A blocked signal is
/// caught even when it arrives before the watch begins.
// Safe: created, called and cancelled on the loop's thread.
package final class SignalWatch: @unchecked Sendable {
    private let loop: EventLoop
    private let action: (CInt) -> Void
    private var sources: [OpaquePointer?] = []

    /// Calls `action` on the loop with each of `signals` that arrives.
    ///
    /// Only on the loop.
    /// - Throws: `EBUSY` when one of them is not blocked.
    package init(_ signals: [CInt], on loop: EventLoop, _ action: @escaping (CInt) -> Void) throws(Errno) {
        loop.preconditionOnLoop()
        self.loop = loop
        self.action = action
        let callback: sd_event_signal_handler_t = { _, information, context in
            guard let context, let information else { return 0 }
            let watch = Unmanaged<SignalWatch>.fromOpaque(context).takeUnretainedValue()
            watch.action(CInt(information.pointee.ssi_signo))
            return 0
        }
        for signal in signals {
            var source: OpaquePointer?
            let context = Unmanaged.passUnretained(self).toOpaque()
            let result = sd_event_add_signal(loop.sdEvent, &source, signal, callback, context)
            guard result >= 0 else {
                cancel()
                throw Errno(rawValue: -result)
            }
            sources.append(source)
        }
    }

    deinit {
        precondition(sources.isEmpty, "a signal watch was dropped without being cancelled")
    }

    /// Stops watching; the signals stay blocked.
    ///
    /// Only on the loop.
    package func cancel() {
        loop.preconditionOnLoop()
        for source in sources { sd_event_source_disable_unref(source) }
        sources = []
    }

    /// Blocks `signals` in the calling thread and those it will start.
    package static func block(_ signals: [CInt]) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }
}

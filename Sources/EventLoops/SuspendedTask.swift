// SPDX-License-Identifier: Apache-2.0
// One suspension of a task that something on the loop ends, or the task's cancellation.

/// How a suspension on the loop ended.
package enum Resumption: Sendable {
    /// What was waited for has happened, or can be done.
    case ready
    /// It will never be: ``Readiness/close()`` was called, before or meanwhile.
    case closed
    /// The task was cancelled first; nothing has changed.
    case cancelled
}

/// One suspension of a task until something on the loop resumes it, or until the task is cancelled.
///
/// It is resumed exactly once: whatever comes second finds nothing to resume. Cancellation only enqueues; the state
/// changes on the loop.
// Safe: `continuation` and `abandon` are touched only on the loop's thread.
package final class SuspendedTask: @unchecked Sendable {
    private let loop: EventLoop
    private var continuation: UnsafeContinuation<Resumption, Never>?
    private var abandon: (() -> Void)?
    private var isCancelled = false

    /// A suspension on `loop`, not yet begun.
    package init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Suspends the task.
    ///
    /// `start` is run on the loop: it arranges for its argument to be called, and returns what undoes the arrangement
    /// when the task is cancelled first.
    package func suspend(_ start: @escaping @Sendable (@escaping (Resumption) -> Void) -> () -> Void) async
        -> Resumption
    {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if loop.isOnLoop {
                    begin(continuation, start)
                } else {
                    loop.execute { self.begin(continuation, start) }
                }
            }
        } onCancel: {
            loop.execute { self.cancel() }
        }
    }

    private func begin(
        _ continuation: UnsafeContinuation<Resumption, Never>,
        _ start: (@escaping (Resumption) -> Void) -> () -> Void
    ) {
        guard !isCancelled else {
            continuation.resume(returning: .cancelled)
            return
        }
        self.continuation = continuation
        let abandon = start { self.resume($0) }
        // `start` may have resumed at once; then there is nothing left to undo.
        if self.continuation != nil { self.abandon = abandon }
    }

    private func resume(_ resumption: Resumption) {
        guard let continuation else { return }
        self.continuation = nil
        abandon = nil
        continuation.resume(returning: resumption)
    }

    private func cancel() {
        isCancelled = true
        abandon?()
        resume(.cancelled)
    }
}

// SPDX-License-Identifier: Apache-2.0
// The start of a thread that may block: it is no part of Swift's cooperative pool, and no signal is delivered on it.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import SystemPackage

/// Threads outside the concurrency runtime.
enum PlainThread {
    /// Runs `body` on a new thread with all signals blocked.
    ///
    /// The thread ends when `body` returns; nobody joins it.
    ///
    /// - Parameter name: what `ps -L` shows; at most 15 bytes.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let context = Unmanaged.passRetained(Start(name: name, body: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        // A thread inherits the mask: blocked here first, there is no moment in which it could take a signal.
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        var thread = pthread_t()
        let result = pthread_create(&thread, &attributes, Self.main, context.toOpaque())
        pthread_sigmask(SIG_SETMASK, &previous, nil)
        guard result == 0 else {
            context.release()
            throw Errno(rawValue: result)
        }
    }

    /// Runs `body` on a new thread and returns what it returns, while the loop goes on.
    ///
    /// From a task on the loop. The task's cancellation does not end the wait.
    /// - Throws: the error of what there was not enough of for a thread; `body` was not run then.
    static func run<Result: Sendable>(
        name: String, on loop: EventLoop, _ body: @escaping @Sendable () -> Result
    ) async throws(Errno) -> Result {
        let outcome = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Swift.Result<Result, Errno>, Never>) in
            do throws(Errno) {
                try start(name: name) {
                    let result = body()
                    loop.execute { continuation.resume(returning: .success(result)) }
                }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try outcome.get()
    }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        guard let context else { return nil }
        let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
        setName(start.name)
        start.body()
        return nil
    }

    /// Names the calling thread.
    ///
    /// A name is for people only: that /proc is not mounted is no reason to fail.
    private static func setName(_ name: String) {
        let number = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard number >= 0 else { return }
        Descriptor(adopting: number).use { number in _ = write(number, name, name.utf8.count) }
    }
}

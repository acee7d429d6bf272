// SPDX-License-Identifier: Apache-2.0
// Looks at what may block for ever, as a file system whose server is gone: on a thread, and with patience.

internal import EventLoops
internal import Synchronization
internal import SystemPackage

/// Looks at something that may block, one look at a time.
///
/// A look that does not return keeps its thread, and is the only one.
final class PatientLook: Sendable {
    /// How long a look may take.
    static let patience = Duration.seconds(1)

    private let name: String
    private let isLooking = Mutex(false)

    /// Nobody looks yet; `name` is what `ps -L` shows, at most 15 bytes.
    init(name: String) { self.name = name }

    /// What `look` returns on a thread of its own, while the loop goes on.
    ///
    /// On the loop. nil when it takes longer than ``patience``, when a look before it has not returned, when there is no
    /// thread for it, and when the task is cancelled; a look that was begun goes on.
    func callAsFunction<Answer: Sendable>(
        on loop: EventLoop, _ look: @escaping @Sendable () -> Answer
    ) async -> Answer? {
        guard isLooking.withLock({ isLooking in !isLooking.exchange(true) }) else { return nil }
        let first = FirstAnswer<Answer?>(on: loop)
        do throws(Errno) {
            try PlainThread.start(name: name) {
                let answer = look()
                self.isLooking.withLock { $0 = false }
                first.give(answer)
            }
        } catch {
            isLooking.withLock { $0 = false }
            return nil
        }
        let timer = loop.schedule(after: Self.patience) { first.give(nil) }
        defer { timer.cancel() }
        return await first.wait() ?? nil
    }
}

extension Bool {
    /// Becomes `value`, and returns what it was.
    fileprivate mutating func exchange(_ value: Bool) -> Bool {
        defer { self = value }
        return self
    }
}

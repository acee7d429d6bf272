// SPDX-License-Identifier: Apache-2.0
// Something that becomes true on the loop, awaited by any number of tasks.

/// Tasks that wait for something to become true on the loop.
// Safe: the state is touched only on the loop's thread.
package final class LoopCondition: @unchecked Sendable {
    private let loop: EventLoop
    private var waiting: [UInt64: (Resumption) -> Void] = [:]
    private var last: UInt64 = 0

    /// Nobody waits yet.
    package init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Waits until ``signal()`` finds `isTrue`, or returns at once when it is already.
    ///
    /// `isTrue` is called on the loop.
    /// - Returns: false when the task was cancelled first.
    @discardableResult
    package func wait(until isTrue: @escaping @Sendable () -> Bool) async -> Bool {
        while true {
            let suspended = SuspendedTask(on: loop)
            let resumption = await suspended.suspend { resume in
                guard !isTrue() else {
                    resume(.ready)
                    return {}
                }
                self.last += 1
                let ticket = self.last
                self.waiting[ticket] = resume
                return { self.waiting[ticket] = nil }
            }
            if resumption == .cancelled { return false }
            if await loop.perform(isTrue) { return true }
        }
    }

    /// Lets those who wait look again.
    ///
    /// Only on the loop.
    package func signal() {
        loop.preconditionOnLoop()
        guard !waiting.isEmpty else { return }
        let all = waiting
        waiting = [:]
        for ticket in all.keys.sorted() { all[ticket]?(.ready) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The timers that are not yet due, as a value: a binary heap by deadline that knows no clock.

/// Something to be done once at a time. It is owned by whoever scheduled it; dropping it does not cancel it.
// Safe: scheduled, fired and cancelled only on the loop's thread.
package final class LoopTimer: @unchecked Sendable {
    let deadline: Duration
    fileprivate let order: UInt64
    fileprivate var action: (() -> Void)?

    fileprivate init(deadline: Duration, order: UInt64, action: @escaping () -> Void) {
        self.deadline = deadline
        self.order = order
        self.action = action
    }

    /// Makes sure that the action is not run any more.
    ///
    /// Harmless when it was. Only on the loop.
    package func cancel() { action = nil }

    fileprivate func isBefore(_ other: LoopTimer) -> Bool {
        deadline == other.deadline ? order < other.order : deadline < other.deadline
    }
}

/// Timers by deadline; those with the same one in the order they were added.
struct TimerQueue {
    private var heap: [LoopTimer] = []
    private var added: UInt64 = 0

    /// When the first timer is due, `nil` when there is none.
    var nextDeadline: Duration? {
        mutating get {
            while let first = heap.first, first.action == nil { removeFirst() }
            return heap.first?.deadline
        }
    }

    mutating func add(deadline: Duration, action: @escaping () -> Void) -> LoopTimer {
        added += 1
        let timer = LoopTimer(deadline: deadline, order: added, action: action)
        sweepIfMostlyCancelled()
        heap.append(timer)
        siftUp(from: heap.count - 1)
        return timer
    }

    /// Takes out the action of the first timer that is due at `now`.
    mutating func takeDue(at now: Duration) -> (() -> Void)? {
        guard let deadline = nextDeadline, deadline <= now else { return nil }
        let timer = removeFirst()
        defer { timer.action = nil }
        return timer.action
    }

    // A closed connection leaves a cancelled timer behind: sweep before the array would grow for their sake.
    private mutating func sweepIfMostlyCancelled() {
        guard heap.count >= 64, heap.count == heap.capacity else { return }
        let live = heap.filter { $0.action != nil }
        guard live.count <= heap.count / 2 else { return }
        heap = live.sorted { $0.isBefore($1) }
    }

    @discardableResult
    private mutating func removeFirst() -> LoopTimer {
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        siftDown()
        return first
    }

    private mutating func siftUp(from start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].isBefore(heap[smallest]) { smallest = child }
            }
            guard smallest != parent else { return }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}

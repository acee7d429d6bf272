// SPDX-License-Identifier: Apache-2.0
// The one signal for a change of what lists and the status line show.

internal import EventLoops
internal import Synchronization

/// Counts the changes of what lists and the status line show.
final class ChangeSignal: Sendable {
    private let version = Atomic(0)
    private let changed: LoopCondition
    private let observer: @Sendable () -> Void

    /// Nothing has changed yet; `observer` is called, on the loop, with each change.
    init(on loop: EventLoop, observer: @escaping @Sendable () -> Void) {
        changed = LoopCondition(on: loop)
        self.observer = observer
    }

    /// Something may have changed.
    ///
    /// Only on the loop.
    func note() {
        version.wrappingAdd(1, ordering: .relaxed)
        changed.signal()
        observer()
    }

    /// How often ``note()`` was called.
    var count: Int { version.load(ordering: .relaxed) }

    /// Waits until there were more changes than `count`; false when the task was cancelled first.
    func change(after count: Int) async -> Bool { await changed.wait { self.count != count } }
}

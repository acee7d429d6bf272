// SPDX-License-Identifier: Apache-2.0
// The control group of one connection: whoever is in it belongs to the connection, whatever it has made of itself.

internal import EventLoops
internal import Glibc
internal import SystemPackage

/// The control group of one connection.
///
/// | state | the directory | leaves it |
/// | --- | --- | --- |
/// | used | is there | ``close(on:)``, once the program has ended |
/// | closing | is there as long as a process is in it | it is tried again, later and later, and could be removed |
/// | gone | is not there | never |
///
/// Whether it is empty is asked by removing it: the kernel refuses that while a process is in it. Only on the loop.
// Safe: used only on the loop's thread.
package final class ConnectionGroup: @unchecked Sendable {
    /// The times between two tries.
    private static let waits: (first: Duration, longest: Duration) = (.milliseconds(5), .seconds(1))

    private let folder: ControlGroupFolder
    private var isClosing = false
    private var wait = waits.first
    private var timer: LoopTimer?
    private var waiting: [() -> Void] = []
    /// Whether nothing of it is left.
    private(set) var isGone = false

    /// The group at `folder`.
    init(_ folder: ControlGroupFolder) {
        self.folder = folder
    }

    /// Ends every process in it.
    func kill() {
        guard !isGone else { return }
        folder.kill()
        // They are gone in a moment.
        wait = Self.waits.first
    }

    /// Its program has ended, or never began: it is removed as soon as nobody is in it.
    func close(on loop: EventLoop) {
        guard !isClosing else { return }
        isClosing = true
        tryToRemove(on: loop)
    }

    /// Calls `action` once nothing of it is left, at once if so.
    func whenGone(_ action: @escaping () -> Void) {
        if isGone { action() } else { waiting.append(action) }
    }

    private func tryToRemove(on loop: EventLoop) {
        guard !folder.remove() else {
            isGone = true
            let waiting = waiting
            self.waiting = []
            for action in waiting { action() }
            return
        }
        loop.schedule(after: wait) { self.tryToRemove(on: loop) }
        wait = min(wait * 2, Self.waits.longest)
    }
}

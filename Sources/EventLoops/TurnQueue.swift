// SPDX-License-Identifier: Apache-2.0
// Work of many that together could fill every turn of the loop: one of them goes on in each turn, in their order.

internal import Synchronization

/// Tasks that go on one by one, each in a turn of the loop of its own.
///
/// However many there are, everything else has its turn between two of them.
package final class TurnQueue: Sendable {
    private let loop: EventLoop
    private let waiting = Mutex<[UnsafeContinuation<Void, Never>]>([])

    /// Nobody waits yet.
    package init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Returns when it is the caller's turn.
    ///
    /// From any task. Cancellation does not end the wait, which is short.
    package func next() async {
        await withUnsafeContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                waiting.append(continuation)
                return waiting.count == 1
            }
            if isFirst { loop.execute { self.releaseInNextTurn() } }
        }
    }

    private func releaseInNextTurn() { loop.executeInNextTurn { self.release() } }

    private func release() {
        let (first, areMore) = waiting.withLock { waiting in
            let first = waiting.removeFirst()
            return (first, !waiting.isEmpty)
        }
        first.resume()
        if areMore { releaseInNextTurn() }
    }
}

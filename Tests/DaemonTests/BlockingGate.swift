// SPDX-License-Identifier: Apache-2.0
// A gate before which a thread waits as before a file system that does not answer.

internal import Glibc
internal import TestSupport

/// A gate that one thread waits for.
final class BlockingGate: Sendable {
    private let ends = makePipe(isBlocking: true)

    /// Blocks the thread until the gate is opened.
    func waitUntilOpen() {
        var byte: UInt8 = 0
        _ = read(ends.reading.number, &byte, 1)
    }

    /// Lets the thread go on.
    func open() { _ = write(ends.writing.number, "x", 1) }
}

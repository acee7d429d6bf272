// SPDX-License-Identifier: Apache-2.0
// The numbers of connections: each once, and each reserved before it is given out.

import Synchronization
import Testing

@testable import SocketServer

@Suite("ConnectionNumbering")
struct ConnectionNumberingTests {
    @Test(
        "every number is reserved before it is given out, wherever they begin",
        arguments: [0, 1, 1022, 1023, 1024, 1025])
    func reserved(last: UInt64) {
        let reserved = Mutex<UInt64>(0)
        let numbering = ConnectionNumbering(after: last) { number in reserved.withLock { $0 = number } }
        for expected in last + 1...last + 3 * ConnectionNumbering.block {
            #expect(numbering.next() == expected && numbering.last == expected)
            #expect(reserved.withLock { $0 } >= expected)
        }
    }

    @Test("a block is reserved at a time, not each number")
    func blocks() {
        let times = Mutex(0)
        let numbering = ConnectionNumbering { _ in times.withLock { $0 += 1 } }
        for _ in 0..<3 * ConnectionNumbering.block { _ = numbering.next() }
        #expect(times.withLock { $0 } == 4)
    }
}

// SPDX-License-Identifier: Apache-2.0
// When a status line is sent.

import Systemd
import Testing

@Suite("The rate of status lines")
struct StatusLineTests {
    private let start = ContinuousClock.now

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start.advanced(by: .milliseconds(milliseconds)) }

    @Test("the first text is sent at once, and the same text never again")
    func onChange() {
        var line = StatusLine<ContinuousClock.Instant>()
        #expect(line.next(at: at(0)) == .nothing)
        #expect(line.update("one", at: at(0)) == .send("one"))
        #expect(line.update("one", at: at(5_000)) == .nothing)
        #expect(line.update("two", at: at(5_000)) == .send("two"))
    }

    @Test("a change within a second of the last waits for that second to end")
    func onceASecond() {
        var line = StatusLine<ContinuousClock.Instant>()
        #expect(line.update("one", at: at(0)) == .send("one"))
        #expect(line.update("two", at: at(1)) == .wait(until: at(1_000)))
        #expect(line.next(at: at(999)) == .wait(until: at(1_000)))
        #expect(line.next(at: at(1_000)) == .send("two"))
        #expect(line.next(at: at(1_001)) == .nothing)
        #expect(line.update("three", at: at(2_001)) == .send("three"))
    }

    @Test("of several changes the newest is sent, and a change that was taken back is not")
    func newest() {
        var line = StatusLine<ContinuousClock.Instant>()
        _ = line.update("one", at: at(0))
        _ = line.update("two", at: at(1))
        #expect(line.update("three", at: at(2)) == .wait(until: at(1_000)))
        #expect(line.next(at: at(1_500)) == .send("three"))
        _ = line.update("four", at: at(1_600))
        #expect(line.update("three", at: at(1_700)) == .nothing)
        #expect(line.next(at: at(9_000)) == .nothing)
    }
}

// SPDX-License-Identifier: Apache-2.0
// What handlers write, as it gets into the log.

import EventLoops
import Supervision
import TestSupport
import Testing

@testable import Daemon

@Suite("HandlerOutput")
struct HandlerOutputTests {
    private func line(_ bytes: [UInt8]) -> StandardErrorLine {
        StandardErrorLine(pid: 7, connection: 3, bytes: bytes)
    }

    @Test("bytes that are not UTF-8, and control characters, are escaped")
    func escaped() async throws {
        let log = try TestLog()
        try await onLoop { loop in
            let output = HandlerOutput(log.logger, on: loop)
            output.write(line([0x61, 0xff, 0x1b, 0x62]))
            output.write(line(Array("Grüße".utf8)))
        }
        let lines = log.lines("<5>handler wrote")
        #expect(lines.first?.hasSuffix(#"stderr=a\xff\x1bb"#) == true)
        #expect(lines.last?.hasSuffix("stderr=Grüße") == true)
    }

    @Test("once the log takes no more lines the channel is told so, and what it counts is told when the time is over")
    func counted() async throws {
        let log = try TestLog()
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let output = HandlerOutput(log.logger, on: loop)
            let receiver = output.receiver { _ in nil }
            for _ in 0..<10_000 {
                #expect(receiver.wantsLines())
                receiver.deliver(line([]))
            }
            #expect(!receiver.wantsLines())
            receiver.count(50_000)
            receiver.deliver(line([]))
            // The log drops what it has no room for: what is told next must not be among that.
            _ = log.lines
            await clock.advance(by: .seconds(30), on: loop)
            #expect(receiver.wantsLines())
        }
        #expect(log.lines("<4>lines of handlers were left out").map { $0.hasSuffix("lines=50001") } == [true])
    }

    @Test("lines that were left out are told at the end, too, when their time is not over")
    func countedAtEnd() async throws {
        let log = try TestLog()
        try await onLoop(clock: ManualClock()) { loop in
            let output = HandlerOutput(log.logger, on: loop)
            for _ in 0..<10_003 { output.write(line([])) }
            _ = log.lines
            output.finish()
        }
        #expect(log.lines("<4>lines of handlers were left out").map { $0.hasSuffix("lines=3") } == [true])
    }

    @Test("bytes that were lost are told once a minute, with their number")
    func lost() async throws {
        let log = try TestLog()
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let receiver = HandlerOutput(log.logger, on: loop).receiver { _ in nil }
            receiver.lose(5)
            receiver.lose(6)
            await clock.advance(by: .seconds(60), on: loop)
            receiver.lose(7)
        }
        let lines = log.lines("<4>a handler wrote more than 64 KiB at once")
        #expect(lines.map { $0.contains("bytes=5 ") } == [true, false])
        #expect(lines.map { $0.contains("bytes=13 ") } == [false, true])
    }

    @Test("a damaged standard error is told once a minute, with what was done to it")
    func damaged() async throws {
        let log = try TestLog()
        try await onLoop { loop in
            let receiver = HandlerOutput(log.logger, on: loop).receiver { _ in nil }
            receiver.replaced(.shutDown)
            receiver.replaced(.buffer)
        }
        let lines = log.lines("<4>a handler damaged the service's standard error")
        #expect(lines.map { $0.contains("damage=\"it was shut down\"") && $0.contains("times=1") } == [true])
    }
}

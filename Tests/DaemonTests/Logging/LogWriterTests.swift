// SPDX-License-Identifier: Apache-2.0
// Standard error that nobody reads, and a service manager that must hear of us nevertheless.

import Descriptors
import Glibc
import Logging
import Systemd
import Testing

@testable import Daemon

@Suite("The log and notify writer")
struct LogWriterTests {
    private static func writer(
        _ stream: consuming Descriptor, records: Int = 8192, bytes: Int = 4 << 20
    ) throws -> LogWriter {
        try LogWriter(
            .lines(.prefixed), stream: stream, notifier: Notifier(), limits: .init(records: records, bytes: bytes))
    }

    @Test("a stopped reader holds up nobody: lines up to the limit wait, the others are dropped and counted")
    func stalledReader() throws {
        for (lines, dropped) in [(9, 0), (10, 0), (11, 1), (50_000, 49_990)] {
            var pipe = LogPipe()
            let end = pipe.takeWriter()
            let filling = pipe.fill(end)
            let writer = try Self.writer(end, records: 10)
            for number in 1...lines { writer.log(LogLine(.info, "line \(number)")) }
            #expect(!writer.finish(within: .milliseconds(1)))
            // The reader goes on.
            #expect(pipe.read(filling).count == filling)
            var expected = (1...min(lines, 10)).map { "<6>line \($0)" }
            if dropped > 0 { expected.append("<4>log lines were dropped lines=\(dropped)") }
            #expect(pipe.lines() == expected)
        }
    }

    @Test("a stopped reader of a terminal holds up nobody either")
    func stalledTerminal() throws {
        var terminal = TestTerminal()
        let writer = try Self.writer(terminal.takeSlave(), records: 1000)
        let line = String(repeating: "x", count: 1000)
        // A terminal holds a few kilobytes: far less than this.
        for _ in 0..<2000 { writer.log(LogLine(.info, line)) }
        #expect(!writer.finish(within: .milliseconds(10)))
        terminal.close()
    }

    @Test("a finish returns when all is written, and takes nothing after that")
    func finish() throws {
        var pipe = LogPipe()
        let writer = try Self.writer(pipe.takeWriter())
        for number in 1...100 { writer.log(LogLine(.info, "line \(number)")) }
        #expect(writer.finish())
        writer.log(LogLine(.info, "too late"))
        #expect(pipe.lines() == (1...100).map { "<6>line \($0)" })
    }

    @Test("a reader that is gone costs lines and nothing else")
    func goneReader() throws {
        var pipe = LogPipe()
        let writer = try Self.writer(pipe.takeWriter())
        pipe.closeReader()
        for number in 1...100 { writer.log(LogLine(.info, "line \(number)")) }
        #expect(writer.finish(within: .seconds(10)))
    }

    @Test("a stream that somebody made non-blocking loses nothing")
    func nonBlocking() throws {
        var pipe = LogPipe()
        let end = pipe.takeWriter()
        end.use { _ = fcntl($0, F_SETFL, O_NONBLOCK) }
        let writer = try Self.writer(end)
        let text = String(repeating: "x", count: 1000)
        for _ in 0..<500 { writer.log(LogLine(.info, text)) }
        writer.finish(within: .zero)
        #expect(pipe.lines() == Array(repeating: "<6>" + text, count: 500))
    }

    @Test("notifications arrive while nobody reads the log, in their order")
    func notifications() async {
        await #expect(processExitsWith: .success) {
            let manager = notifySocket()
            var pipe = LogPipe()
            let end = pipe.takeWriter()
            _ = pipe.fill(end)
            let writer = try LogWriterTests.writer(end)
            writer.log(LogLine(.info, "stuck"))
            writer.notify(NotifyMessage(.ready, .status("serving")))
            writer.notify(NotifyMessage(.alive))
            var bytes = [UInt8](repeating: 0, count: 4096)
            for expected in ["READY=1\nSTATUS=serving", "WATCHDOG=1"] {
                let count = manager.use { recv($0, &bytes, bytes.count, 0) }
                #expect(String(decoding: bytes.prefix(count), as: UTF8.self) == expected)
            }
            #expect(!writer.flush(within: .milliseconds(1)))
        }
    }

    @Test("a manager that does not read holds up nobody")
    func stalledManager() async {
        await #expect(processExitsWith: .success) {
            let manager = notifySocket()
            var pipe = LogPipe()
            let writer = try LogWriterTests.writer(pipe.takeWriter())
            for _ in 0..<10_000 { writer.notify(NotifyMessage(.alive)) }
            writer.log(LogLine(.info, "alive"))
            #expect(pipe.read(9) == Array("<6>alive\n".utf8))
            #expect(!writer.finish(within: .milliseconds(10)))
            manager.close()
        }
    }

    @Test("a manager that is gone is reported once")
    func goneManager() async {
        await #expect(processExitsWith: .success) {
            notifySocket().close()
            var pipe = LogPipe()
            let writer = try LogWriterTests.writer(pipe.takeWriter())
            for _ in 0..<3 { writer.notify(NotifyMessage(.alive)) }
            #expect(writer.finish(within: .seconds(10)))
            let lines = pipe.lines()
            #expect(lines.count == 1)
            #expect(lines[0].hasPrefix("<4>cannot tell the service manager how we are doing error="))
        }
    }
}

/// A datagram socket in the place of the service manager's, which NOTIFY_SOCKET names from now on.
private func notifySocket() -> Descriptor {
    let number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    precondition(number >= 0, "socket: \(errno)")
    // A name that the kernel chooses: binding with the family alone gives an abstract one.
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var length = socklen_t(MemoryLayout<sa_family_t>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            precondition(bind(number, generic, length) == 0, "bind: \(errno)")
            length = socklen_t(MemoryLayout<sockaddr_un>.size)
            precondition(getsockname(number, generic, &length) == 0, "getsockname: \(errno)")
        }
    }
    let name = withUnsafeBytes(of: address.sun_path) { path in
        String(decoding: path[1..<(Int(length) - MemoryLayout<sa_family_t>.size)], as: UTF8.self)
    }
    setenv("NOTIFY_SOCKET", "@" + name, 1)
    return Descriptor(adopting: number)
}

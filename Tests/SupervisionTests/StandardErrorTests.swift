// SPDX-License-Identifier: Apache-2.0
// What handlers write to their standard error: whole lines, of the right connection.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import TestSupport
internal import Testing

/// A channel whose lines are collected, and the connections it knows.
///
/// Used on the loop only.
final class Collector: @unchecked Sendable {
    let lines = EventLog<StandardErrorLine>()
    var connections: [Int32: UInt64] = [:]
    private var opened: StandardErrorChannel?

    var channel: StandardErrorChannel {
        guard let opened else { preconditionFailure("it is opened first") }
        return opened
    }

    /// Whether it takes lines, how many it was told of instead, how many bytes were lost, what was damaged.
    var wantsLines = true
    var counted = 0
    var lostBytes = 0
    var damages: [StandardErrorReceiver.Damage] = []

    func open(on loop: EventLoop) throws {
        var receiver = StandardErrorReceiver(
            lookUp: { [unowned self] in connections[$0] }, deliver: { [unowned self] in lines.append($0) })
        receiver.wantsLines = { [unowned self] in wantsLines }
        receiver.count = { [unowned self] in counted += $0 }
        receiver.lose = { [unowned self] in lostBytes += $0 }
        receiver.replaced = { [unowned self] in damages.append($0) }
        opened = try StandardErrorChannel(on: loop, receiver)
    }

    /// Starts a program whose lines belong to this connection from the first one on.
    func start(
        _ command: HandlerCommand, as connection: UInt64, by spawner: Spawner
    ) async throws -> (process: HandlerProcess, streams: Streams) {
        let streams = Streams()
        defer { streams.theirs.close() }
        let process = try await begin(PreparedCommand(command), streams, by: spawner, standardError: channel.sink)
        connections[process.pid] = connection
        try await process.executed()
        return (process, streams)
    }

    func text(_ count: Int) async -> [String] {
        await lines.wait(forCount: count)
        return lines.all.map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}

func perl(_ script: String) -> HandlerCommand {
    HandlerCommand(service: "test", path: "/usr/bin/perl", arguments: ["perl", "-e", script])
}

func withChannel(
    clock: any LoopClock = MonotonicClock(),
    _ body: @escaping @Sendable (EventLoop, Spawner, Collector) async throws -> Void
) async throws {
    try await onLoop(clock: clock) { loop in
        let collector = Collector()
        try collector.open(on: loop)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(loop, Spawner(on: loop), collector))
        } catch {
            outcome = .failure(error)
        }
        collector.channel.close()
        try outcome.get()
    }
}

@Suite("StandardErrorChannel")
struct StandardErrorTests {
    @Test("the pieces of a line are joined, and the line belongs to its connection")
    func joined() async throws {
        try await withChannel { loop, spawner, collector in
            let script = "syswrite STDERR, $_ for 'a', 'b', qq(c\\nd), qq(\\n\\n), 'e'"
            let (process, _) = try await collector.start(perl(script), as: 7, by: spawner)
            #expect(await collector.text(3) == ["abc", "d", ""])
            _ = await process.exited()
            collector.connections[process.pid] = nil
            collector.channel.connectionEnded(7, leader: process.pid)
            #expect(await collector.text(4) == ["abc", "d", "", "e"])
            #expect(collector.lines.all.allSatisfy { $0.pid == process.pid && $0.connection == 7 })
        }
    }

    @Test("lines of several writers do not mix")
    func interleaved() async throws {
        try await withChannel { loop, spawner, collector in
            var processes: [(process: HandlerProcess, streams: Streams)] = []
            for number in 1...3 {
                let one = try await collector.start(
                    perl("for (1..20) { for my $p ('\(number)', '-', \"$_\\n\") { syswrite STDERR, $p } }"),
                    as: UInt64(number), by: spawner)
                processes.append(one)
            }
            await collector.lines.wait(forCount: 60)
            for number in 1...3 {
                let lines = collector.lines.all.filter { $0.connection == UInt64(number) }
                #expect(lines.map { String(decoding: $0.bytes, as: UTF8.self) } == (1...20).map { "\(number)-\($0)" })
            }
            for (process, _) in processes { _ = await process.exited() }
        }
    }

    @Test("a descriptor that a handler attaches to what it writes does not enter this process")
    func attachedDescriptor() async throws {
        try await withChannel { loop, spawner, collector in
            let ends = makePipe()
            // Linux 6.16 and newer refuse it at the sender; older ones deliver what was written with it.
            let sent = send("gift\n", with: ends.writing.number, to: collector.channel.sink.descriptor)
            if sent < 0 {
                #expect(errno == EPERM)
            } else {
                #expect(await collector.text(1) == ["gift"])
            }
            ends.writing.close()
            let readiness = Readiness(ends.reading.number, on: loop)
            #expect(await readiness.wait(for: .read) == .ready)
            readiness.close()
            var byte: UInt8 = 0
            #expect(read(ends.reading.number, &byte, 1) == 0, "nobody holds the other end any more")
        }
    }

    @Test("a write that finds no room waits for the timeout and not longer")
    func full() async throws {
        try await withChannel { loop, spawner, collector in
            let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)
            var written = 0
            let started = loop.now
            // The loop does not read meanwhile: this is its own thread.
            while write(collector.channel.sink.descriptor, chunk, chunk.count) == chunk.count { written += 1 }
            #expect(errno == EAGAIN && written > 10)
            #expect(loop.now - started >= StandardErrorChannel.writeTimeout)
            await collector.lines.wait(forCount: written * 2 - 1)
            #expect(collector.lostBytes == 0)
        }
    }

    @Test("a write of very many lines is delivered in turns, in its order, before what was written after it")
    func manyLines() async throws {
        try await withChannel { loop, spawner, collector in
            let count = StandardErrorChannel.linesPerTurn * 5 + 1
            let text = Array((0..<count).map { "\($0)\n" }.joined().utf8)
            #expect(write(collector.channel.sink.descriptor, text, text.count) == text.count)
            #expect(write(collector.channel.sink.descriptor, "after\n", 6) == 6)
            var seen = 0
            while seen < count + 1 {
                await loop.yieldTurn()
                let now = collector.lines.all.count
                // What the watch began goes on in the same turn.
                #expect(now - seen <= 2 * StandardErrorChannel.linesPerTurn)
                seen = now
            }
            #expect(await collector.text(count + 1) == (0..<count).map { "\($0)" } + ["after"])
        }
    }

    @Test("lines that are not wanted are counted, and a line that began among them is whole")
    func unwanted() async throws {
        try await withChannel { loop, spawner, collector in
            let sink = collector.channel.sink.descriptor
            collector.wantsLines = false
            let newlines = [UInt8](repeating: UInt8(ascii: "\n"), count: 60_000)
            for _ in 0..<3 { #expect(write(sink, newlines, newlines.count) == newlines.count) }
            #expect(write(sink, "x\nbeg", 5) == 5)
            while collector.counted < 180_001 { await loop.yieldTurn() }
            #expect(collector.counted == 180_001 && collector.lines.all.isEmpty)
            collector.wantsLines = true
            #expect(write(sink, "un\n", 3) == 3)
            #expect(await collector.text(1) == ["begun"])
        }
    }

    @Test("what waits of a write of many lines is not lost when the channel closes")
    func closedInRest() async throws {
        try await withChannel { loop, spawner, collector in
            let newlines = [UInt8](repeating: UInt8(ascii: "\n"), count: 1000)
            #expect(write(collector.channel.sink.descriptor, newlines, newlines.count) == newlines.count)
            await collector.lines.wait(forCount: 1)
            #expect(collector.lines.all.count < 1000)
            collector.channel.close()
            #expect(collector.lines.all.count == 1000)
        }
    }

    @Test("of one write more than 64 KiB the rest is counted as lost")
    func tooLong() async throws {
        try await withChannel { loop, spawner, collector in
            let chunk = [UInt8](repeating: UInt8(ascii: "\n"), count: 65536 + 5)
            #expect(write(collector.channel.sink.descriptor, chunk, chunk.count) == chunk.count)
            await collector.lines.wait(forCount: 65536)
            #expect(collector.lostBytes == 5)
        }
    }

    @Test("after close a handler's write fails without a signal")
    func closed() async {
        // Alone in a process: until its exec, a child of another test's may hold the reading end.
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let collector = Collector()
                try collector.open(on: loop)
                let spawner = try Spawner(on: loop)
                let script = "sysread STDIN, $x, 1; print defined(syswrite STDERR, 'x') ? 'written' : $!"
                let (process, streams) = try await start(
                    perl(script), by: spawner, standardError: collector.channel.sink)
                collector.channel.close()
                collector.channel.close()
                precondition(write(streams.ours.number, "x", 1) == 1)
                let output = await streams.readAll(on: loop)
                precondition(output == "Connection refused", output)
                let report = await process.exited()
                precondition(report.ending == .exited(code: 0))
            }
        }
    }
}

/// sendmsg with one descriptor attached.
private func send(_ text: String, with attached: CInt, to descriptor: CInt) -> Int {
    var text = Array(text.utf8)
    // A cmsghdr (length, level, type), the descriptor, and padding.
    var control: [UInt32] = [20, 0, UInt32(SOL_SOCKET), 1, UInt32(attached), 0]
    return text.withUnsafeMutableBytes { bytes in
        control.withUnsafeMutableBytes { control in
            var piece = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            return withUnsafeMutablePointer(to: &piece) { piece in
                var message = msghdr()
                message.msg_iov = piece
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                return sendmsg(descriptor, &message, 0)
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// What one handler does to the standard error that it shares with the others of its service does not last.

internal import EventLoops
internal import Glibc
internal import Supervision
internal import TestSupport
internal import Testing

private typealias Damage = StandardErrorReceiver.Damage

/// What a handler can do to its descriptor 2.
private let deeds: [(Damage, String)] = [
    (.disconnected, "socket(my $s, 1, 2, 0); bind $s, pack('Sx a*', 1, $$); connect STDERR, pack('Sx a*', 1, $$)"),
    (.disconnected, "connect STDERR, pack('S', 0)"),
    (.shutDown, "shutdown STDERR, 2"),
    (.buffer, "setsockopt STDERR, 1, 7, pack('i', 1)"),
    (.timeout, "setsockopt STDERR, 1, 21, pack('qq', 0, 0)"),
]

@Suite("Damage to a StandardErrorChannel")
struct StandardErrorDamageTests {
    @Test("what a handler does to the shared socket is mended at a start a second later", arguments: deeds.indices)
    func mended(deed: Int) async throws {
        let (damage, script) = deeds[deed]
        let clock = ManualClock()
        try await withChannel(clock: clock) { loop, spawner, collector in
            let old = collector.channel.sink.descriptor
            let (culprit, _) = try await collector.start(
                perl("syswrite STDERR, qq(before\\n); \(script)"), as: 1, by: spawner)
            #expect(await collector.text(1) == ["before"])
            _ = await culprit.exited()
            #expect(collector.channel.checkedSink().descriptor == old && collector.damages.isEmpty, "looked at rarely")
            await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
            _ = collector.channel.checkedSink()
            #expect(collector.damages == [damage])
            let (process, _) = try await collector.start(perl("syswrite STDERR, qq(after\\n)"), as: 2, by: spawner)
            #expect(await collector.text(2) == ["before", "after"])
            _ = await process.exited()
        }
    }

    @Test("a socket that nobody has touched is not replaced")
    func untouched() async throws {
        let clock = ManualClock()
        try await withChannel(clock: clock) { loop, spawner, collector in
            let old = collector.channel.sink.descriptor
            for _ in 1...20 {
                await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
                #expect(collector.channel.checkedSink().descriptor == old)
            }
            #expect(collector.damages.isEmpty && collector.lines.all.isEmpty)
        }
    }

    @Test("a handler that has the old socket is still heard; once nobody has it, it is closed")
    func old() async throws {
        let clock = ManualClock()
        try await withChannel(clock: clock) { loop, spawner, collector in
            let (process, streams) = try await collector.start(
                perl("setsockopt STDERR, 1, 7, pack('i', 1); sysread STDIN, $x, 1; syswrite STDERR, qq(still\\n)"),
                as: 1, by: spawner)
            // Its own copy of the socket: what the slots of the spawner hold is replaced by the next start.
            await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
            while collector.damages.isEmpty {
                await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
                _ = collector.channel.checkedSink()
            }
            #expect(write(streams.ours.number, "x", 1) == 1)
            #expect(await collector.text(1) == ["still"])
            _ = await process.exited()
            for _ in 0..<8 {
                let (next, nextStreams) = try await collector.start(perl("1"), as: 2, by: spawner)
                _ = await next.exited()
                nextStreams.ours.close()
            }
            #expect(collector.channel.replacedCount == 1)
            await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
            _ = collector.channel.checkedSink()
            #expect(collector.channel.replacedCount == 0)
        }
    }

    @Test("of more replaced sockets than the limit the oldest is closed")
    func bounded() async {
        // Alone in a process: until its exec, a child of another test's may hold the reading end.
        await #expect(processExitsWith: .success) {
            let clock = ManualClock()
            try await withChannel(clock: clock) { loop, _, collector in
                var copies: [CInt] = []
                for _ in 0...StandardErrorChannel.retiredLimit {
                    let copy = dup(collector.channel.sink.descriptor)
                    var size: CInt = 1
                    setsockopt(copy, SOL_SOCKET, SO_SNDBUF, &size, 4)
                    copies.append(copy)
                    await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
                    _ = collector.channel.checkedSink()
                }
                #expect(collector.damages.count == copies.count)
                #expect(write(copies[0], "x", 1) == -1 && errno == ECONNREFUSED, "its reader is gone")
                #expect(copies.dropFirst().allSatisfy { write($0, "x", 1) == 1 })
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Whose a line is that a process writes to its service's standard error.

internal import EventLoops
internal import Glibc
internal import Supervision
internal import TestSupport
internal import Testing

@Suite("The owner of a line on standard error")
struct StandardErrorOwnerTests {
    @Test("what a handler wrote belongs to its connection also when it is read after its end")
    func afterDeath() async throws {
        try await withChannel { loop, spawner, collector in
            let command = try PreparedCommand(perl("syswrite STDERR, qq(last words\\nunfinished)"))
            let process = try await begin(command, Streams(), by: spawner, standardError: collector.channel.sink)
            // It is dead before the loop can read.
            var status = siginfo_t()
            waitid(P_PID, id_t(process.pid), &status, WEXITED | WNOWAIT)
            collector.channel.connectionEnded(9, leader: process.pid)
            try await process.executed()
            #expect(await collector.text(2) == ["last words", "unfinished"])
            #expect(collector.lines.all.allSatisfy { $0.connection == 9 })
            _ = await process.exited()
        }
    }

    @Test("a descendant's line belongs to the connection of its session, a stranger's to none")
    func descendant() async throws {
        try await withChannel { loop, spawner, collector in
            let (process, _) = try await collector.start(
                shell("(echo deep >&2; exec sleep 1000) & wait"), as: 5, by: spawner)
            await collector.lines.wait(forCount: 1)
            let line = collector.lines.all[0]
            #expect(line.connection == 5 && line.pid != process.pid)
            _ = write(collector.channel.sink.descriptor, "stranger\n", 9)
            await collector.lines.wait(forCount: 2)
            #expect(collector.lines.all[1].connection == nil && collector.lines.all[1].pid == getpid())
            process.stop(.kill)
            _ = await process.exited()
        }
    }

    @Test("a number that was a handler's stays its connection's for a second after its end, the newest one's")
    func numberComesBack() async throws {
        let clock = ManualClock()
        try await withChannel(clock: clock) { loop, _, collector in
            let sink = collector.channel.sink.descriptor
            // More ends than are remembered, all of this process's number.
            for connection in 1...100 { collector.channel.connectionEnded(UInt64(connection), leader: getpid()) }
            #expect(write(sink, "last words\n", 11) == 11)
            _ = await collector.text(1)
            await clock.advance(by: .seconds(1), on: loop)
            #expect(write(sink, "late words\n", 11) == 11)
            _ = await collector.text(2)
            await clock.advance(by: .milliseconds(1), on: loop)
            #expect(write(sink, "another's\n", 10) == 10)
            _ = await collector.text(3)
            #expect(collector.lines.all.map(\.connection) == [100, 100, nil])
        }
    }
}

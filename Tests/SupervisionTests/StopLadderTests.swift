// SPDX-License-Identifier: Apache-2.0
// How handlers are ended: the rungs of the stop ladder, for a whole group, and once each.

internal import EventLoops
internal import Glibc
internal import Supervision
internal import TestSupport
internal import Testing

@Suite("the stop ladder")
struct StopLadderTests {
    @Test("SIGTERM first, SIGKILL exactly when the grace is over, once each however often it is stopped")
    func ladder() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let (process, streams) = try await start(stubborn, by: Spawner(on: loop))
            #expect(await line(streams, on: loop) == "ready\n")
            process.stop(.terminate(grace: .seconds(5)))
            #expect(await line(streams, on: loop) == "term\n")
            process.stop(.terminate(grace: .seconds(5)))
            await clock.advance(by: .milliseconds(4999), on: loop)
            process.stop(.terminate(grace: .seconds(1)))
            #expect(process.report == nil)
            await clock.advance(by: .milliseconds(1), on: loop)
            #expect(await process.exited().ending == .killed(signal: SIGKILL, dumpedCore: false))
            #expect(await streams.readAll(on: loop) == "", "no second SIGTERM")
            process.stop(.kill)
        }
    }

    @Test("a ladder that kills sooner replaces the one that is being climbed")
    func haste() async throws {
        try await onLoop(clock: ManualClock()) { loop in
            let (process, streams) = try await start(stubborn, by: Spawner(on: loop))
            #expect(await line(streams, on: loop) == "ready\n")
            process.stop(.terminate(grace: .seconds(5)))
            process.stop(.kill)
            #expect(await process.exited().ending == .killed(signal: SIGKILL, dumpedCore: false))
        }
    }

    @Test("the whole group is ended, the stopped ones too")
    func group() async throws {
        try await onLoop(clock: ManualClock()) { loop in
            let (process, streams) = try await start(
                shell("sleep 1000 & echo ready; kill -STOP $$; wait"), by: Spawner(on: loop))
            #expect(await line(streams, on: loop) == "ready\n")
            process.stop(.terminate(grace: .seconds(5)))
            #expect(await process.exited().ending == .killed(signal: SIGTERM, dumpedCore: false))
            // The sleeper held the connection too: its end is the end of both.
            #expect(await streams.readAll(on: loop) == "")
        }
    }

    @Test("SIGKILL at the top of the ladder is for the whole group")
    func groupIsKilled() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            // The child sees the end of the pipe when its parent alone is killed.
            let script = """
                $| = 1; $SIG{TERM} = 'IGNORE'; pipe(my $r, my $w);
                if (!fork) { close $w; sysread $r, my $x, 1; print "alive\n"; exit }
                close $r; print "ready\n"; sleep 1000 while 1
                """
            let (process, streams) = try await start(perl(script), by: Spawner(on: loop))
            #expect(await line(streams, on: loop) == "ready\n")
            process.stop(.terminate(grace: .seconds(5)))
            await clock.advance(by: .seconds(5), on: loop)
            #expect(await process.exited().ending == .killed(signal: SIGKILL, dumpedCore: false))
            #expect(await streams.readAll(on: loop) == "")
        }
    }

    @Test("a child that ignores SIGTERM keeps its leader's end until SIGKILL, and nothing is left then")
    func groupOutlivesLeader() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let script = """
                $| = 1; pipe(my $r, my $w);
                if (!fork) {
                    $SIG{TERM} = sub { print "term\n" }; close $w; print "ready\n";
                    sysread $r, my $x, 1; print "alone\n"; sleep 1000 while 1
                }
                sleep 1000
                """
            let (process, streams) = try await start(perl(script), by: Spawner(on: loop))
            #expect(await line(streams, on: loop) == "ready\n")
            process.stop(.terminate(grace: .seconds(5)))
            var said = ""
            while !(said.contains("term\n") && said.contains("alone\n")) {
                let next = await line(streams, on: loop)
                try #require(!next.isEmpty)
                said += next
            }
            // The leader was sent the signal too; its end is seen in a turn of its own.
            while process.isAlive { await loop.yieldTurn() }
            await clock.advance(by: .milliseconds(4999), on: loop)
            #expect(process.report == nil && process.stopStage == .asked && !process.isAlive)
            await clock.advance(by: .milliseconds(1), on: loop)
            let report = await process.exited()
            #expect(report.ending == .killed(signal: SIGTERM, dumpedCore: false) && !report.isLingering)
            #expect(process.stopStage == .killed)
            #expect(await streams.readAll(on: loop) == "")
        }
    }

    @Test("a child that ends by itself within the grace ends its leader's stop, without SIGKILL")
    func groupEndsByItself() async throws {
        try await onLoop(clock: ManualClock()) { loop in
            let script = """
                $| = 1; if (!fork) { $SIG{TERM} = 'IGNORE'; print "ready\n"; sysread STDIN, my $x, 1; print "bye\n"; exit }
                sleep 1000
                """
            let (process, streams) = try await start(perl(script), by: Spawner(on: loop))
            #expect(await line(streams, on: loop) == "ready\n")
            process.stop(.terminate(grace: .seconds(5)))
            while process.isAlive { await loop.yieldTurn() }
            #expect(process.report == nil)
            #expect(write(streams.ours.number, "x", 1) == 1)
            #expect(await process.exited().isLingering == false)
            #expect(process.stopStage == .asked)
            #expect(await streams.readAll(on: loop) == "bye\n")
        }
    }

    @Test("fifty groups that outlive their leaders are ended together, and no descriptor stays")
    func manyGroups() async {
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let spawner = try Spawner(on: loop)
                _ = silence
                let before = await steadyCensus(on: loop)
                var started: [(process: HandlerProcess, streams: Streams)] = []
                for _ in 0..<50 {
                    let script =
                        "$| = 1; if (!fork) { $SIG{TERM} = 'IGNORE'; print qq(ready\\n); sleep 1000 while 1 } sleep 1000"
                    let one = try await start(perl(script), by: spawner)
                    let greeting = await line(one.streams, on: loop)
                    precondition(greeting == "ready\n")
                    started.append(one)
                }
                for one in started { one.process.stop(.terminate(grace: .milliseconds(100))) }
                for one in started {
                    let (report, rest) = (await one.process.exited(), await one.streams.readAll(on: loop))
                    precondition(!report.isLingering && rest.isEmpty)
                    one.streams.ours.close()
                }
                while Census.take() != before { await settle(loop) }
            }
        }
    }

    @Test("the group of a process that was reaped is not signalled: its number may be another's")
    func reapedGroup() async throws {
        try await onLoop { loop in
            let script = "exit if fork; $x = <STDIN>; print qq(still $x)"
            let (process, streams) = try await start(perl(script), by: Spawner(on: loop))
            #expect(await process.exited().isLingering)
            process.signalGroup(SIGKILL)
            process.stop(.kill)
            #expect(write(streams.ours.number, "here\n", 5) == 5)
            #expect(await streams.readAll(on: loop) == "still here\n")
        }
    }

    @Test("the rungs are climbed in order, each with its time")
    func rungs() {
        let ladder = StopLadder([
            .init(signal: SIGHUP, grace: .seconds(1)), .init(signal: SIGTERM, grace: .seconds(2)),
        ])
        #expect(ladder.timeToKill == .seconds(3))
        #expect(StopLadder.kill.timeToKill == .zero)
    }
}

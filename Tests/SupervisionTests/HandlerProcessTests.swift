// SPDX-License-Identifier: Apache-2.0
// How handlers end: the report, the stop ladder, what lives on.

internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import TestSupport
internal import Testing

/// A program that says when it is ready, says so for each SIGTERM, and goes on.
private let stubborn = HandlerCommand(
    service: "stubborn", path: "/usr/bin/perl",
    arguments: ["perl", "-e", "$| = 1; $SIG{TERM} = sub { print qq(term\\n) }; print qq(ready\\n); sleep 1000 while 1"])

/// Reads the next line.
func line(_ streams: Streams, on loop: EventLoop) async -> String {
    let readiness = Readiness(streams.ours.number, on: loop)
    defer { readiness.close() }
    _ = await readiness.wait(for: .read)
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = read(streams.ours.number, &buffer, buffer.count)
    return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
}

@Suite("HandlerProcess")
struct HandlerProcessTests {
    @Test("the report says how it ended", arguments: [0, 1, 127, 255])
    func exitCode(code: Int32) async throws {
        try await onLoop { loop in
            let report = try await run(shell("exit \(code)"), by: Spawner(on: loop), on: loop).report
            #expect(report.ending == .exited(code: code))
        }
    }

    @Test("the report says which signal ended it", arguments: [SIGKILL, SIGTERM, SIGHUP])
    func signalled(signal: CInt) async throws {
        try await onLoop { loop in
            let (process, _) = try await start(shell("exec sleep 1000"), by: Spawner(on: loop))
            process.signal(signal)
            #expect(await process.exited().ending == .killed(signal: signal, dumpedCore: false))
        }
    }

    @Test("the report has the time it took on the loop's clock, the processor's time and the memory")
    func resources() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let spawner = try Spawner(on: loop)
            let (process, streams) = try await start(
                shell("n=0; while [ $n -lt 100000 ]; do n=$((n + 1)); done; read x"), by: spawner)
            await clock.advance(by: .seconds(90), on: loop)
            streams.ours.close()
            let report = await process.exited()
            #expect(report.duration == .seconds(90))
            #expect(report.userTime > .milliseconds(1) && report.userTime < .seconds(60))
            #expect(report.systemTime < .seconds(60))
            #expect(report.peakMemory > 500_000 && report.peakMemory < 4 << 30)
        }
    }

    @Test("everyone who waits gets the report, also who comes later")
    func waiters() async throws {
        try await onLoop { loop in
            let (process, _) = try await start(stubborn, by: Spawner(on: loop))
            let first = Task(executorPreference: loop) { await process.exited() }
            let second = Task(executorPreference: loop) { await process.exited() }
            await settle(loop)
            process.stop(.kill)
            let report = await first.value
            #expect(await second.value == report)
            #expect(await process.exited() == report)
            #expect(process.report == report)
        }
    }

    @Test("a process that nobody waits for leaves no zombie and no descriptor")
    func unattended() async {
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let spawner = try Spawner(on: loop)
                _ = silence
                _ = try await run(shell("true"), by: spawner, on: loop)
                let before = await steadyCensus(on: loop)
                for _ in 0..<20 { _ = try await start(shell("exec >&-; exit 0"), by: spawner) }
                precondition(Census.take().added(since: before).children.count > 0, "the census sees children")
                while Census.take() != before { await settle(loop) }
            }
        }
    }

    @Test("when somebody else has reaped it the end is unknown, and nothing is signalled")
    func unknown() async throws {
        try await onLoop { loop in
            let (process, _) = try await start(shell("exit 0"), by: Spawner(on: loop))
            var status: CInt = 0
            #expect(waitpid(process.pid, &status, 0) == process.pid)
            #expect(await process.exited().ending == .unknown)
            process.signal(SIGKILL)
            process.signalGroup(SIGKILL)
            process.stop(.kill)
        }
    }

    @Test("what its group leaves behind is seen, and is not seen when there is nothing")
    func lingering() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let (process, streams) = try await start(shell("sleep 1000 & echo $!"), by: spawner)
            let report = await process.exited()
            #expect(report.ending == .exited(code: 0) && report.isLingering)
            let sleeper = try #require(pid_t(await line(streams, on: loop).dropLast()))
            kill(sleeper, SIGKILL)
            #expect(try await run(shell("sleep 0 & wait"), by: spawner, on: loop).report.isLingering == false)
        }
    }

    // MARK: Stopping

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

    @Test("a process that has ended while its own child traces it is given up, wakes nobody, and is reaped in the end")
    func tracedZombie() async throws {
        try await onLoop { loop in
            #if arch(x86_64)
                let ptrace = 101
            #else
                let ptrace = 117
            #endif
            // The child seizes its parent, which then exits: the zombie is the tracer's.
            let script = """
                use POSIX; $| = 1; pipe(my $r, my $w); if (!fork) { setsid; syscall(\(ptrace), 0x4206, getppid, 0, 0)
                == 0 or print "refused "; print "$$\\n"; syswrite $w, 'x'; close STDIN; close STDOUT; sleep 1000 }
                sysread $r, my $b, 1; exit 0
                """
            let (process, streams) = try await start(
                HandlerCommand(service: "test", path: "/usr/bin/perl", arguments: ["perl", "-e", script]),
                by: Spawner(on: loop))
            let started = loop.now
            let usedBefore = processorTimeOfThisThread()
            let report = await process.exited()
            #expect(report.ending == .unknown)
            #expect(loop.now - started >= HandlerProcess.patienceWithTracer)
            #expect(processorTimeOfThisThread() - usedBefore < .milliseconds(250), "the loop was not woken for nothing")
            let tracer = try #require(Int32((await streams.readAll(on: loop)).dropLast()))
            #expect(kill(process.pid, 0) == 0, "it is a zombie, and still there")
            kill(tracer, SIGKILL)
            while kill(process.pid, 0) == 0 { try await loop.sleep(for: .milliseconds(10)) }
        }
    }
}

private func processorTimeOfThisThread() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

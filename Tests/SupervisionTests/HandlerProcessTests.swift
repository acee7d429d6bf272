// SPDX-License-Identifier: Apache-2.0
// How handlers end: the report, who is told, what lives on.

internal import EventLoops
internal import Glibc
internal import Supervision
internal import TestSupport
internal import Testing

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

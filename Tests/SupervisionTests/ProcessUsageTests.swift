// SPDX-License-Identifier: Apache-2.0
// What running programs use, of real ones.

internal import EventLoops
internal import Glibc
internal import TestSupport
internal import Testing

@testable import Supervision

/// A shell script that works hard, then says so and waits for the end of its input.
private func busy(_ work: String) -> HandlerCommand { shell("\(work); echo ready; read x") }

private let loopOfWork = "n=0; while [ $n -lt 200000 ]; do n=$((n + 1)); done"

/// Waits until the program says something.
private func somethingSaid(_ streams: Streams, on loop: EventLoop) async {
    let readiness = Readiness(streams.ours.number, on: loop)
    _ = await readiness.wait(for: .read)
    readiness.close()
}

@Suite("usage of processes")
struct ProcessUsageTests {
    @Test("the processor time of a program is told while it runs, that of its finished children too")
    func processorTime() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            for script in [loopOfWork, "(\(loopOfWork))"] {
                let (process, streams) = try await start(busy(script), by: spawner)
                await somethingSaid(streams, on: loop)
                let usage = try #require(ProcessUsage.of(process.pid))
                #expect(usage.userTime + usage.systemTime >= .milliseconds(10))
                streams.ours.close()
                let report = await process.exited()
                // The kernel rounds down to ticks.
                #expect(usage.userTime + usage.systemTime <= report.userTime + report.systemTime + .milliseconds(10))
            }
        }
    }

    @Test("the memory is what is resident now")
    func memory() async throws {
        try await onLoop { loop in
            let (process, streams) = try await start(
                busy("x=$(head -c 20000000 /dev/zero | tr '\\0' a)"), by: Spawner(on: loop))
            await somethingSaid(streams, on: loop)
            let usage = try #require(ProcessUsage.of(process.pid))
            #expect(usage.residentMemory > 20_000_000 && usage.residentMemory < 1 << 30)
            streams.ours.close()
            _ = await process.exited()
        }
    }

    @Test("a program that has not run is looked at again only after 10 s, one that has is at once")
    func notAgain() async throws {
        try await onLoop { loop in
            let (process, streams) = try await start(
                shell("echo ready; read x; \(loopOfWork); echo done; read x"), by: Spawner(on: loop))
            #expect(await line(streams, on: loop) == "ready\n")
            // It runs no more, not even to its wait for input.
            process.signal(SIGSTOP)
            var information = siginfo_t()
            waitid(P_PID, id_t(process.pid), &information, WSTOPPED | WNOWAIT)

            let first = try #require(ProcessSample.of(process.pid, at: .seconds(100)))
            let told = ProcessUsage(userTime: .seconds(4711), systemTime: .zero, residentMemory: 0)
            let former = ProcessSample(usage: told, runTime: first.runTime, time: first.time)
            let sampled = { ProcessSample.of(process.pid, at: .seconds(100) + $0, after: former) }
            #expect(sampled(.zero) == former)
            #expect(sampled(.seconds(10) - .nanoseconds(1)) == former)
            let again = sampled(.seconds(10))
            #expect(again?.usage == first.usage && again?.time == .seconds(110))

            process.signal(SIGCONT)
            _ = write(streams.ours.number, "x\n", 2)
            #expect(await line(streams, on: loop) == "done\n")
            let later = try #require(sampled(.zero))
            #expect(
                try #require(later.runTime) > #require(first.runTime)
                    && later.usage.userTime + later.usage.systemTime > .zero)
            #expect(later.usage.userTime < .seconds(4711))
            streams.ours.close()
            _ = await process.exited()
        }
    }

    @Test("a number that is no pid has no process", arguments: [0, -1, Int32.min, .max])
    func noPid(pid: Int32) {
        #expect(ProcessUsage.of(pid) == nil)
        #expect(ProcessSample.of(pid, at: .zero) == nil)
    }

    @Test("a zombie is still itself, and has no memory")
    func zombie() throws {
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
        defer { free(arguments[0]) }
        try #require(posix_spawn(&pid, "/bin/true", nil, nil, &arguments, nil) == 0)
        var information = siginfo_t()
        waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT)
        #expect(ProcessUsage.of(pid)?.residentMemory == 0)
        waitpid(pid, nil, 0)
        #expect(ProcessUsage.of(pid) == nil)
    }
}

@Suite("lines of /proc/PID/stat")
struct ProcessStatTests {
    private func stat(_ line: String) -> ProcessStat? {
        Array(line.utf8).withUnsafeBytes { ProcessStat(line: $0) }
    }

    /// A line of a process with this name: user time 100 and 20 of children, system time 7 and 3, start 18446744073709,
    /// 5 pages.
    private func line(name: String) -> String {
        "4711 (\(name)) S 1 2 3 0 -1 4194304 76 0 0 0 100 7 20 3 20 0 1 0 18446744073709 2990080 5 18446744073709551615 1"
    }

    @Test(
        "the name of a program may look like anything",
        arguments: ["cat", "", "a b", ") R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22", "))", "(", "\n"])
    func names(name: String) throws {
        let stat = try #require(self.stat(line(name: name)))
        #expect(stat.start.ticks == 18_446_744_073_709)
        let tick = Duration.milliseconds(1000 / Int64(sysconf(CInt(_SC_CLK_TCK))))
        #expect(stat.usage.userTime == tick * 120 && stat.usage.systemTime == tick * 10)
        #expect(stat.usage.residentMemory == 5 * Int64(sysconf(CInt(_SC_PAGESIZE))))
    }

    @Test("a line that ends before the last field of interest is none, wherever it ends")
    func cut() throws {
        let whole = line(name: "cat")
        let needed = try #require(whole.firstRange(of: " 2990080 5")).upperBound
        for end in whole.indices where end < needed { #expect(stat(String(whole[..<end])) == nil) }
        #expect(stat(String(whole[..<needed])) != nil)
        #expect(stat("") == nil)
    }

    @Test("fields that are not numbers, or larger than any, make no process")
    func wrongNumbers() {
        let whole = line(name: "cat")
        for wrong in [" x ", " -7 ", " 18446744073709551616 ", " 99999999999999999999999 "] {
            #expect(stat(whole.replacing(" 2990080 5 ", with: " 2990080\(wrong)")) == nil)
            #expect(stat(whole.replacing(" 18446744073709 ", with: wrong)) == nil)
        }
        #expect(stat(whole.replacing(" 2990080 5 ", with: " 2990080 18446744073709551615 ")) != nil)
    }
}

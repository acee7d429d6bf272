// SPDX-License-Identifier: Apache-2.0
// Processes that an earlier daemon has started: which of those that have their number now are them.

internal import EventLoops
internal import Glibc
internal import TestSupport
internal import Testing

@testable import Supervision

/// Starts a process of this one that sleeps, at the head of a session of its own or in ours; it is no spawner's.
private func startSleeper(leadsSession: Bool) -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    let setSession: Int16 = 0x80  // POSIX_SPAWN_SETSID, spawn.h
    if leadsSession { posix_spawnattr_setflags(&attributes, setSession) }
    var pid: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
    defer { for argument in arguments { free(argument) } }
    let result = posix_spawn(&pid, "/bin/sleep", nil, &attributes, &arguments, nil)
    precondition(result == 0, "posix_spawn: \(String(cString: strerror(result)))")
    return pid
}

@Suite("HandlerProcess.adopt")
struct AdoptionMatchTests {
    private static let tick = Duration.nanoseconds(1_000_000_000 / ProcessStat.ticksPerSecond)

    /// Adopts a process that has begun, of the time that was written down, so many ticks after its beginning and before
    /// its end.
    private static func adopt(
        _ pid: pid_t, _ after: Int, _ before: Int, by spawner: Spawner
    ) throws -> HandlerProcess? {
        let start = tick * Int(try #require(ProcessStat.read(pid)).start.ticks)
        return try HandlerProcess.adopt(
            pid, startedFrom: start - tick * after, to: start + tick * before, age: .seconds(5), by: spawner)
    }

    @Test("a process that began in the time that was written down is the one, and how our child ends is known")
    func adopted() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let spawner = try Spawner(on: loop)
            let process = try #require(try Self.adopt(startSleeper(leadsSession: true), 0, 0, by: spawner))
            await clock.advance(by: .seconds(2), on: loop)
            // Not by a signal that it may block: it has the mask of the thread that started it.
            process.stop(.kill)
            let report = await process.exited()
            #expect(report.ending == .killed(signal: SIGKILL, dumpedCore: false))
            #expect(report.duration == .seconds(7))
        }
    }

    @Test(
        "whoever has the number now and began a tick before that time or after it is another one",
        arguments: [(-1, 1, false), (0, 1, true), (1, 1, true), (1, 0, true), (1, -1, false)])
    func another(after: Int, before: Int, isTheOne: Bool) async throws {
        try await onLoop { loop in
            let pid = startSleeper(leadsSession: true)
            let process = try Self.adopt(pid, after, before, by: Spawner(on: loop))
            #expect((process != nil) == isTheOne)
            kill(pid, SIGKILL)
            if let process { _ = await process.exited() } else { waitpid(pid, nil, 0) }
        }
    }

    @Test("whoever leads no session is no handler, and a number that nobody has is nobody")
    func noHandler() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let pid = startSleeper(leadsSession: false)
            #expect(try Self.adopt(pid, 1, 1, by: spawner) == nil)
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            #expect(
                try HandlerProcess.adopt(.max, startedFrom: .zero, to: .seconds(1 << 32), age: .zero, by: spawner)
                    == nil)
        }
    }
}

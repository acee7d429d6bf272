// SPDX-License-Identifier: Apache-2.0
// What happens when the system takes no more descriptors to wait for: programs wait, and nothing ends.

internal import Descriptors
internal import EventLoops
internal import Supervision
internal import Synchronization
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Whether there is room to watch another descriptor, as a test decides.
private final class Room: Sendable {
    private let isThere = Mutex(true)

    func set(_ value: Bool) { isThere.withLock { $0 = value } }

    var watch: SystemCall<DescriptorWatch, Void> {
        SystemCall { [self] watch in
            isThere.withLock { $0 } ? SystemCall.watchForReading(watch) : .failure(.noSpace)
        }
    }
}

@Suite("Descriptors that cannot be watched")
struct WatchFailureTests {
    @Test("a program whose end cannot be waited for runs to its end, and the next one is not started meanwhile")
    func spawn() async throws {
        let clock = ManualClock()
        let room = Room()
        try await onLoop(clock: clock) { loop in
            let spawner = try Spawner(on: loop, watch: room.watch)
            room.set(false)
            let (process, streams) = try await start(shell("read line; exit 7"), by: spawner)
            let refused = try await failure(shell("true"), by: spawner)
            #expect(refused == SpawnFailure(step: .watch, errno: .noSpace, subject: ""))
            #expect(refused?.isTransient == true)
            #expect(
                refused?.description == "epoll_ctl for the ends of processes: No space left on device (ENOSPC); raise "
                    + "the sysctl fs.epoll.max_user_watches if this goes on; it is tried again")
            streams.ours.close()
            let ended = Task(executorPreference: loop) { await process.exited() }
            while process.report == nil { await clock.advance(by: HandlerProcess.lookInterval, on: loop) }
            #expect(await ended.value.ending == .exited(code: 7))
            room.set(true)
            #expect(try await run(shell("echo on"), by: spawner, on: loop).output == "on\n")
        }
    }

    @Test("once there is room again the end is waited for, and programs are started")
    func recovery() async throws {
        let clock = ManualClock()
        let room = Room()
        try await onLoop(clock: clock) { loop in
            let spawner = try Spawner(on: loop, watch: room.watch)
            room.set(false)
            let (process, streams) = try await start(shell("read line"), by: spawner)
            #expect(try await failure(shell("true"), by: spawner)?.step == .watch)
            room.set(true)
            await clock.advance(by: HandlerProcess.lookInterval, on: loop)
            #expect(try await run(shell("echo on"), by: spawner, on: loop).output == "on\n")
            streams.ours.close()
            #expect(await process.exited().ending == .exited(code: 1))
        }
    }

    @Test("a program that cannot be executed is reaped too when its end cannot be waited for")
    func failing() async throws {
        let clock = ManualClock()
        let room = Room()
        try await onLoop(clock: clock) { loop in
            let spawner = try Spawner(on: loop, watch: room.watch)
            room.set(false)
            let command = try PreparedCommand(HandlerCommand(service: "test", path: "/nowhere"))
            let process = try await begin(command, Streams(), by: spawner)
            let failed = Task(executorPreference: loop) {
                await #expect(throws: SpawnFailure.self) { try await process.executed() }?.errno
            }
            while process.report == nil { await clock.advance(by: HandlerProcess.lookInterval, on: loop) }
            #expect(await failed.value == .noSuchFileOrDirectory)
        }
    }

    @Test("a standard error that cannot be watched is an error when it is made, and no reason to replace another")
    func standardError() async throws {
        let clock = ManualClock()
        let room = Room()
        try await onLoop(clock: clock) { loop in
            let receiver = StandardErrorReceiver(lookUp: { _ in nil }, deliver: { _ in })
            room.set(false)
            #expect(throws: Errno.noSpace) { try StandardErrorChannel(on: loop, receiver, watch: room.watch) }
            room.set(true)
            let channel = try StandardErrorChannel(on: loop, receiver, watch: room.watch)
            defer { channel.close() }
            let spawner = try Spawner(on: loop)
            let (process, _) = try await start(
                perl("shutdown STDERR, 2"), by: spawner, standardError: channel.sink)
            _ = await process.exited()
            room.set(false)
            let old = channel.sink.descriptor
            await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
            #expect(channel.checkedSink().descriptor == old)
            room.set(true)
            await clock.advance(by: StandardErrorChannel.checkInterval, on: loop)
            #expect(channel.checkedSink().descriptor != old && channel.replacedCount == 1)
        }
    }
}

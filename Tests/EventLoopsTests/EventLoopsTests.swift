// SPDX-License-Identifier: Apache-2.0
// The loop's law, work from other threads, and signals.

internal import EventLoops
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("EventLoop")
struct EventLoopTests {
    @Test("run returns what its body returns, and throws what it throws")
    func result() async throws {
        struct Failure: Error {}
        let value = await withCheckedContinuation { continuation in
            startThread { continuation.resume(returning: try? EventLoop.run { 42 }) }
        }
        #expect(value == 42)
        let failed = await withCheckedContinuation { continuation in
            startThread {
                do {
                    try EventLoop.run { throw Failure() }
                    continuation.resume(returning: false)
                } catch { continuation.resume(returning: error is Failure) }
            }
        }
        #expect(failed)
    }

    @Test("a task that yields for ever does not keep input from being served")
    func law() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            let stop = OneShot<Void>()
            let spinning = Task(executorPreference: loop) {
                while stop.current == nil { await Task.yield() }
            }
            let read = Readiness(ends.reading.number, on: loop)
            let waiting = Task(executorPreference: loop) { await read.wait(for: .read) }
            startThread { _ = write(ends.writing.number, "x", 1) }
            #expect(await waiting.value == .ready)
            stop.fulfil(())
            await spinning.value
            read.close()
        }
    }

    @Test("who has yielded comes behind all that whoever the input has woken does at once")
    func yielded() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            let order = EventLog<String>()
            let read = Readiness(ends.reading.number, on: loop)
            let woken = Task(executorPreference: loop) {
                _ = await read.wait(for: .read)
                // Each is a generation of jobs.
                for _ in 0..<8 { await Task.yield() }
                order.append("woken")
            }
            // Not before it waits.
            await loop.yieldTurn()
            let yielding = Task(executorPreference: loop) {
                _ = write(ends.writing.number, "x", 1)
                await loop.yieldTurn()
                order.append("yielded")
            }
            await woken.value
            await yielding.value
            #expect(order.all == ["woken", "yielded"])
            read.close()
        }
    }

    @Test("tasks run on the loop's thread, actors without an executor of their own too")
    func isolation() async throws {
        actor Plain {
            func isOn(_ loop: EventLoop) -> Bool { loop.isOnLoop }
        }
        try await onLoop { loop in
            #expect(loop.isOnLoop)
            let there = await Plain().isOn(loop)
            #expect(there)
            let inTask = await Task(executorPreference: loop) { loop.isOnLoop }.value
            #expect(inTask)
        }
    }

    @Test("work from other threads wakes the loop, and none of it is lost")
    func wakeUp() async throws {
        try await onLoop { loop in
            let done = EventLog<Void>()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        await withCheckedContinuation { continuation in
                            startThread {
                                for _ in 0..<1000 { loop.execute { done.append(()) } }
                                loop.execute { continuation.resume() }
                            }
                        }
                    }
                }
            }
            #expect(done.all.count == 8000)
        }
    }

    @Test("without descriptors for a loop, run throws, and leaves none behind")
    func noDescriptors() async {
        await #expect(processExitsWith: .success) {
            func lowestFree() -> CInt {
                let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
                close(number)
                return number
            }
            // It takes an eventfd, an epoll and a timer's descriptor.
            for room in 0..<3 {
                // Where another thread of this process has closed one of its own meanwhile, there was more room.
                let throwsAndLeavesNone = (0..<100).contains { _ in
                    let first = lowestFree()
                    var limit = rlimit(rlim_cur: rlim_t(Int(first) + room), rlim_max: 1024)
                    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                    var failure: (any Error)?
                    do { try EventLoop.run {} } catch { failure = error }
                    limit.rlim_cur = 1024
                    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                    return failure as? Errno == .tooManyOpenFiles && lowestFree() == first
                }
                #expect(throwsAndLeavesNone, "room for \(room)")
            }
            try EventLoop.run {}
        }
    }

    @Test("signals arrive on the loop")
    func signals() async throws {
        let arrived = await withCheckedContinuation { continuation in
            startThread {
                SignalWatch.block([SIGUSR1])
                let result = try? EventLoop.run { () async throws -> CInt in
                    guard let loop = EventLoop.current else { return 0 }
                    let arrived = OneShot<CInt>()
                    let watch = try SignalWatch([SIGUSR1], on: loop) { arrived.fulfil($0) }
                    pthread_kill(pthread_self(), SIGUSR1)
                    let signal = await arrived.value()
                    watch.cancel()
                    return signal
                }
                continuation.resume(returning: result)
            }
        }
        #expect(arrived == SIGUSR1)
    }
}

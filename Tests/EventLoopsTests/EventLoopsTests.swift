// SPDX-License-Identifier: Apache-2.0
// The loop's law, its timers, readiness and signals.

internal import CLinux
internal import Descriptors
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

    @Test("timers fire in order of their time, none early, cancelled ones not at all")
    func timers() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let fired = EventLog<Int>()
            loop.schedule(after: .seconds(3)) { fired.append(3) }
            loop.schedule(after: .seconds(1)) { fired.append(1) }
            let cancelled = loop.schedule(after: .seconds(2)) { fired.append(2) }
            cancelled.cancel()
            await clock.advance(by: .milliseconds(999), on: loop)
            #expect(fired.all == [])
            await clock.advance(by: .milliseconds(1), on: loop)
            #expect(fired.all == [1])
            await clock.advance(by: .seconds(2), on: loop)
            #expect(fired.all == [1, 3])
        }
    }

    @Test("a thousand timers in random order fire in order, with half of them cancelled")
    func manyTimers() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let fired = EventLog<Int>()
            for delay in (1...1000).shuffled() {
                let timer = loop.schedule(after: .milliseconds(delay)) { fired.append(delay) }
                if delay.isMultiple(of: 2) { timer.cancel() }
            }
            await clock.advance(by: .seconds(1), on: loop)
            #expect(fired.all == Array(stride(from: 1, through: 999, by: 2)))
        }
    }

    @Test("timers of one time fire in the order in which they were made")
    func equalTimers() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let fired = EventLog<Int>()
            for number in 0..<100 { loop.schedule(after: .seconds(1)) { fired.append(number) } }
            await clock.advance(by: .seconds(1), on: loop)
            #expect(fired.all == Array(0..<100))
        }
    }

    @Test("timers that were cancelled are forgotten long before their time")
    func cancelledTimers() async throws {
        struct Made {
            weak var timer: LoopTimer?
        }
        try await onLoop(clock: ManualClock()) { loop in
            let made = (0..<10_000).map { _ in
                let timer = loop.schedule(after: .seconds(3600)) {}
                timer.cancel()
                return Made(timer: timer)
            }
            #expect(made.count { $0.timer != nil } < 1000)
        }
    }

    // The only test that shows that the kernel's clock drives the loop: others move a clock of their own. What it waits
    // for is the timer itself, and no machine is too slow for what it expects.
    @Test("sleep ends when the real clock says so, and at once when the task is cancelled")
    func sleeping() async throws {
        try await onLoop { loop in
            let start = loop.now
            try await loop.sleep(for: .milliseconds(20))
            #expect(loop.now - start >= .milliseconds(20))
            let long = Task(executorPreference: loop) { try await loop.sleep(for: .seconds(3600)) }
            await settle(loop)
            long.cancel()
            await #expect(throws: CancellationError.self) { try await long.value }
        }
    }

    @Test("a wait ends with closed on close, with cancelled on cancellation (T22)")
    func closedAndCancelled() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            let readiness = Readiness(ends.reading.number, on: loop)
            let cancelled = Task(executorPreference: loop) { await readiness.wait(for: .read) }
            await settle(loop)
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            let closed = Task(executorPreference: loop) { await readiness.wait(for: .read) }
            await settle(loop)
            readiness.close()
            #expect(await closed.value == .closed)
            #expect(await readiness.wait(for: .read) == .closed)
        }
    }

    @Test("a writer is told ready when its reader closes (T22)")
    func readerGone() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            let chunk = [UInt8](repeating: 0, count: 65536)
            while write(ends.writing.number, chunk, chunk.count) > 0 {}
            let readiness = Readiness(ends.writing.number, on: loop)
            let waiting = Task(executorPreference: loop) { await readiness.wait(for: .write) }
            await settle(loop)
            ends.reading.close()
            #expect(await waiting.value == .ready)
            signal(SIGPIPE, SIG_IGN)
            #expect(write(ends.writing.number, chunk, 1) == -1 && errno == EPIPE)
            readiness.close()
        }
    }

    @Test("a task that was cancelled before it waits is told so, on whatever thread it runs (T22)")
    func cancelledBefore() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            let readiness = Readiness(ends.reading.number, on: loop)
            let waiting = Task(executorPreference: globalConcurrentExecutor) {
                withUnsafeCurrentTask { $0?.cancel() }
                return await readiness.wait(for: .read)
            }
            await settle(loop)
            readiness.close()
            #expect(await waiting.value == .cancelled)
        }
    }

    @Test("what there is to read and nobody waits for does not keep the loop busy")
    func unreadInput() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            let readiness = Readiness(ends.reading.number, on: loop)
            let waiting = Task(executorPreference: loop) { await readiness.wait(for: .read) }
            await settle(loop)
            #expect(write(ends.writing.number, "x", 1) == 1)
            #expect(await waiting.value == .ready)
            #expect(await comesToRest(loop))
            readiness.close()
        }
    }

    @Test("of very many descriptors that are ready at once a turn serves some, then the tasks have their time")
    func manyReady() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            #expect(write(ends.writing.number, "x", 1) == 1)
            let copies = (0..<300).map { _ in OwnedDescriptor(Descriptor(adopting: ends.reading.duplicate())) }
            let (served, servedBefore) = (EventLog<Void>(), OneShot<Int>())
            let watches = copies.map { copy in
                DescriptorWatch(copy.number, on: loop) { _ in
                    if served.all.isEmpty { loop.execute { servedBefore.fulfil(served.all.count) } }
                    served.append(())
                    guard served.all.count == 1000 else { return }
                    // They would be ready for ever.
                    var byte: UInt8 = 0
                    _ = read(ends.reading.number, &byte, 1)
                }
            }
            for watch in watches { try watch.watch(for: .read) }
            #expect(await servedBefore.value() < copies.count / 2)
            for watch in watches { watch.cancel() }
            for copy in copies { copy.close() }
        }
    }

    @Test("a watch that another's action cancels is not called, though both were found ready together")
    func cancelledBeforeItsTurn() async throws {
        try await onLoop { loop in
            let ends = makePipe()
            #expect(write(ends.writing.number, "x", 1) == 1)
            let copies = (0..<10).map { _ in OwnedDescriptor(Descriptor(adopting: ends.reading.duplicate())) }
            let (called, watches) = (EventLog<Int>(), EventLog<DescriptorWatch>())
            for (index, copy) in copies.enumerated() {
                let watch = DescriptorWatch(copy.number, on: loop) { _ in
                    called.append(index)
                    for watch in watches.all { watch.cancel() }
                }
                watches.append(watch)
            }
            for watch in watches.all { try watch.watch(for: .read) }
            #expect(await comesToRest(loop))
            #expect(called.all.count == 1)
            for copy in copies { copy.close() }
        }
    }

    @Test("what the system refuses to wait for is an error, and a wait for it ends with closed")
    func refused() async throws {
        try await onLoop { loop in
            // epoll_ctl(2): not for regular files.
            let file = OwnedDescriptor(Descriptor(adopting: open("/proc/self/exe", O_RDONLY | O_CLOEXEC)))
            let watch = DescriptorWatch(file.number, on: loop) { _ in }
            #expect(throws: Errno.notPermitted) { try watch.watch(for: .read) }
            #expect(watch.interest == [])
            watch.cancel()
            let readiness = Readiness(file.number, on: loop)
            #expect(await readiness.wait(for: .read) == .closed)
            readiness.close()
            file.close()
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

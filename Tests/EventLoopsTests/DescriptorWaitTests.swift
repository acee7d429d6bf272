// SPDX-License-Identifier: Apache-2.0
// Waits for descriptors: how they end, and that they hold up nothing else.

internal import Descriptors
internal import EventLoops
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("waits for descriptors")
struct DescriptorWaitTests {
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
}

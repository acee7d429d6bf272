// SPDX-License-Identifier: Apache-2.0
// The bounded queue: who waits, what is dropped, and that it is counted.

import Daemon
import Descriptors
import Glibc
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite("The writer's thread")
struct WriterThreadTests {
    /// What a scripted sink saw.
    private final class Record: Sendable {
        let seen = Mutex<[Int]>([])
        let mask = Mutex<sigset_t?>(nil)
        let name = Mutex("")
    }

    /// Writes numbers into a record, a dropped count as its negative; each flush waits until the gate can be read.
    private struct Gated: RecordSink {
        let record: Record
        let gate: StreamGate
        var failing = 0
        private var kept = 0

        init(_ record: Record, _ gate: StreamGate, failing: Int = 0) {
            self.record = record
            self.gate = gate
            self.failing = failing
        }

        mutating func take(_ number: Int) { keep(number, standingFor: 1) }

        mutating func takeDropped(_ count: Int) { keep(-count, standingFor: count) }

        mutating func flush() -> Int {
            gate.pass()
            note()
            defer { kept = 0 }
            guard failing > 0 else { return 0 }
            failing -= 1
            return kept
        }

        private mutating func keep(_ number: Int, standingFor count: Int) {
            kept += count
            if failing == 0 { record.seen.withLock { $0.append(number) } }
        }

        private func note() {
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            record.mask.withLock { $0 = mask }
            let comm = try? String(
                decoding: FileDescriptor.open("/proc/thread-self/comm", .readOnly).readAll(), as: UTF8.self)
            record.name.withLock { $0 = comm ?? "" }
        }
    }

    /// A gate that is shut until it is opened for good.
    private final class StreamGate: Sendable {
        private let reader: Descriptor
        private let writer: Mutex<CInt?>

        init() {
            let ends = makePipe(isBlocking: true)
            reader = Descriptor(adopting: ends.reading.release())
            writer = Mutex(ends.writing.release())
        }

        deinit { open() }

        func pass() {
            var byte: UInt8 = 0
            _ = reader.use { read($0, &byte, 1) }
        }

        func open() {
            if let end = writer.withLock({ $0.take() }) { Descriptor(adopting: end).close() }
        }
    }

    private func make(
        _ limits: (records: Int, bytes: Int), linger: Duration = .zero, failing: Int = 0
    ) throws -> (thread: WriterThread<Gated>, record: Record, gate: StreamGate) {
        let (record, gate) = (Record(), StreamGate())
        let thread = try WriterThread(
            name: "test-writer", limits: .init(records: limits.records, bytes: limits.bytes), linger: linger,
            sink: Gated(record, gate, failing: failing))
        return (thread, record, gate)
    }

    @Test("as many records as the limit are taken while nothing is written, and not one more")
    func recordLimit() throws {
        for (submitted, dropped) in [(2, 0), (3, 0), (4, 1), (50, 47)] {
            let (thread, record, gate) = try make((records: 3, bytes: .max))
            let taken = (1...submitted).map { thread.submit($0, bytes: 1) }
            #expect(taken.prefix(3).allSatisfy { $0 })
            #expect(taken.dropFirst(3).allSatisfy { !$0 })
            gate.open()
            #expect(thread.finish(until: .after(.seconds(10))))
            #expect(record.seen.withLock { $0 } == Array(1...min(3, submitted)) + (dropped > 0 ? [-dropped] : []))
        }
    }

    @Test("as many bytes as the limit are taken, and not one more")
    func byteLimit() throws {
        for (size, isTaken) in [(39, true), (40, true), (41, false)] {
            let (thread, record, gate) = try make((records: 100, bytes: 100))
            #expect(thread.submit(1, bytes: 60))
            #expect(thread.submit(2, bytes: size) == isTaken)
            gate.open()
            #expect(thread.finish(until: .after(.seconds(10))))
            #expect(record.seen.withLock { $0 } == [1, isTaken ? 2 : -1])
        }
    }

    @Test("room comes back when records are written, and the missing ones are told where they are missing")
    func roomComesBack() throws {
        let (thread, record, gate) = try make((records: 2, bytes: .max))
        #expect((1...5).filter { !thread.submit($0, bytes: 1) } == [3, 4, 5])
        gate.open()
        #expect(thread.flush(until: .after(.seconds(10))))
        #expect(thread.submit(6, bytes: 1))
        #expect(thread.finish(until: .after(.seconds(10))))
        #expect(record.seen.withLock { $0 } == [1, 2, -3, 6])
    }

    @Test("every record is written or counted, whoever submits and however full it is")
    func conservation() async throws {
        let (thread, record, gate) = try make((records: 64, bytes: .max), linger: .microseconds(50))
        gate.open()
        let dropped = await withTaskGroup(of: Int.self) { group in
            for submitter in 1...4 {
                group.addTask { (1...5_000).count { !thread.submit(submitter * 10_000 + $0, bytes: 1) } }
            }
            return await group.reduce(0, +)
        }
        #expect(thread.finish(until: .after(.seconds(10))))
        let seen = record.seen.withLock { $0 }
        let told = -seen.filter { $0 < 0 }.reduce(0, +)
        #expect(seen.count { $0 > 0 } + told == 20_000)
        #expect(told == dropped)
        for submitter in 1...4 {
            let own = seen.filter { $0 / 10_000 == submitter && $0 > 0 }
            #expect(own == own.sorted())
        }
    }

    @Test("records that a broken stream swallowed are told when it works again")
    func lost() throws {
        let (thread, record, gate) = try make((records: 100, bytes: .max), failing: 1)
        thread.submit(1, bytes: 1)
        gate.open()
        #expect(thread.flush(until: .after(.seconds(10))))
        thread.submit(2, bytes: 1)
        #expect(thread.finish(until: .after(.seconds(10))))
        #expect(record.seen.withLock { $0 } == [-1, 2])
    }

    @Test("a flush gives up at its deadline, and the records are still written later")
    func deadline() throws {
        let (thread, record, gate) = try make((records: 100, bytes: .max))
        thread.submit(1, bytes: 1)
        #expect(!thread.flush(until: .after(.milliseconds(20))))
        #expect(!thread.finish(until: .after(.zero)))
        #expect(!thread.submit(2, bytes: 1))
        gate.open()
        #expect(thread.flush(until: .after(.seconds(10))))
        #expect(record.seen.withLock { $0 } == [1])
    }

    @Test("with nothing to write a flush returns at once")
    func nothingToFlush() throws {
        let (thread, _, _) = try make((records: 1, bytes: 1))
        #expect(thread.flush(until: .after(.zero)))
        #expect(thread.finish(until: .after(.zero)))
    }

    @Test("a flush does not wait until the lingering is over")
    func flushEndsLingering() throws {
        let (thread, record, gate) = try make((records: 100, bytes: .max), linger: .seconds(3600))
        gate.open()
        thread.submit(1, bytes: 1)
        #expect(thread.flush(until: .after(.seconds(10))))
        thread.submit(2, bytes: 1)
        #expect(thread.flush(until: .after(.seconds(10))))
        #expect(record.seen.withLock { $0 } == [1, 2])
    }

    @Test("a thread that is dropped writes what it has")
    func dropped() throws {
        var pipe = LogPipe()
        do {
            let (record, gate) = (Record(), StreamGate())
            gate.open()
            let thread = try WriterThread(
                name: "test-writer", limits: .init(records: 10, bytes: 10), linger: .seconds(3600),
                sink: Closing(Gated(record, gate), pipe.takeWriter()))
            thread.submit(1, bytes: 1)
        }
        // The end of the stream shows that the thread has ended, too.
        #expect(pipe.lines() == ["1"])
    }

    /// Writes each number as a line and closes the stream with the thread.
    private struct Closing: RecordSink {
        private final class Owner: Sendable {
            let descriptor: Descriptor
            init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
        }

        var inner: Gated
        private let owner: Owner

        init(_ inner: Gated, _ descriptor: consuming Descriptor) {
            self.inner = inner
            owner = Owner(descriptor)
        }

        mutating func take(_ number: Int) {
            owner.descriptor.use { _ = write($0, "\(number)\n", "\(number)\n".utf8.count) }
        }

        mutating func takeDropped(_ count: Int) {}

        mutating func flush() -> Int { inner.flush() }
    }

    @Test("the thread blocks all signals and has its name")
    func signalsAndName() throws {
        let (thread, record, gate) = try make((records: 1, bytes: 1))
        gate.open()
        thread.submit(1, bytes: 1)
        #expect(thread.finish(until: .after(.seconds(10))))
        var mask = try #require(record.mask.withLock { $0 })
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1] { #expect(sigismember(&mask, signal) == 1) }
        #expect(record.name.withLock { $0 } == "test-writer\n")
    }
}

extension FileDescriptor {
    /// The first 64 bytes, and closes.
    fileprivate func readAll() throws -> [UInt8] {
        try closeAfter {
            try [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
                count = try read(into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }
}

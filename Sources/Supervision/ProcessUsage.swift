// SPDX-License-Identifier: Apache-2.0
// What running processes use: processor time and memory, and when they started, read from /proc.

internal import Descriptors
internal import Glibc
internal import SystemPackage

/// When a process started: with its pid it names one process and no other.
struct ProcessStart: Hashable, Sendable {
    /// In ticks of the kernel's clock since it was booted (proc(5), `starttime`).
    let ticks: UInt64
}

/// What a running process uses.
package struct ProcessUsage: Equatable, Sendable {
    /// The processor time it and those of its children that it waited for spent in programs, in ticks of 10 ms.
    package let userTime: Duration
    /// The processor time it and those of its children that it waited for spent in the kernel, in ticks of 10 ms.
    package let systemTime: Duration
    /// The memory it has resident, in bytes; 0 of a zombie.
    ///
    /// The kernel counts on each processor and adds up now and then: it may be some hundred KiB off, and 0 of a program
    /// that is small or has just begun.
    package let residentMemory: Int64

    /// What the process uses that has `pid`, whichever that is; `nil` when there is none.
    ///
    /// On any thread. Who asks knows by other means that the number was not given to another process meanwhile.
    package static func of(_ pid: Int32) -> ProcessUsage? { ProcessStat.read(pid)?.usage }
}

/// What was seen of a running process at some time.
package struct ProcessSample: Equatable, Sendable {
    /// What it used.
    package let usage: ProcessUsage
    /// How long it had run on processors, in nanoseconds, shortly before.
    let runTime: UInt64
    /// When it was looked at, by the caller's clock.
    let time: Duration

    /// For how long a process that does not run keeps what was seen of it.
    ///
    /// The kernel may take its memory meanwhile.
    static let longestValidity = Duration.seconds(10)

    /// What the process uses that has `pid`, whichever that is; `nil` when there is none.
    ///
    /// On any thread. A process that has not run since `former`, which was of the same one, uses what it did: it is not
    /// looked at again, which would take ten times as long, unless that is 10 s ago. Who asks knows by other means that
    /// the number was not given to another process meanwhile.
    package static func of(_ pid: Int32, at time: Duration, after former: ProcessSample? = nil) -> ProcessSample? {
        guard let runTime = runTime(of: pid) else { return nil }
        if let former, former.runTime == runTime, time - former.time < longestValidity { return former }
        return ProcessUsage.of(pid).map { ProcessSample(usage: $0, runTime: runTime, time: time) }
    }

    private static func runTime(of pid: Int32) -> UInt64? {
        var (clock, time) = (clockid_t(), timespec())
        // To the kernel the number 0 is the caller.
        guard pid > 0, clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return nil }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// What is read of a line of /proc/PID/stat (proc(5)).
struct ProcessStat: Equatable {
    let start: ProcessStart
    let usage: ProcessUsage
    /// The number of its process group.
    let group: Int32
    /// The number of its session.
    let session: Int32
    /// Whether it has ended, and its parent has not reaped it.
    let isZombie: Bool

    static let ticksPerSecond = Int64(max(1, sysconf(CInt(_SC_CLK_TCK))))
    private static let pageSize = Int64(max(1, sysconf(CInt(_SC_PAGESIZE))))
    /// More than the line can have: 52 numbers of at most 20 digits, and a name of at most 64 bytes.
    private static let longestLine = 2048

    /// The line of the process that has `pid`; `nil` when there is none, or it may not be seen.
    static func read(_ pid: Int32) -> ProcessStat? {
        guard case .success(let number) = SystemCall.openProcessStat(pid) else { return nil }
        return try? read(from: number)
    }

    /// The line in the file that is open as `number`, which it closes.
    /// - Throws: `ESRCH` when the process has gone since.
    static func read(from number: CInt) throws(Errno) -> ProcessStat {
        let file = Descriptor(adopting: number)
        let found: Result<ProcessStat, Errno> = withUnsafeTemporaryAllocation(byteCount: longestLine, alignment: 1) {
            buffer in
            // One read: the kernel makes the whole line in it.
            let count = file.use { Glibc.read($0, buffer.baseAddress, buffer.count) }
            guard count >= 0 else { return .failure(Errno(rawValue: errno)) }
            let line = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            return ProcessStat(line: line).map { .success($0) } ?? .failure(.noSuchProcess)
        }
        return try found.get()
    }

    /// Reads a line; `nil` for what is none.
    init?(line: UnsafeRawBufferPointer) {
        // The name stands in parentheses and is the program's choice, other parentheses and spaces included.
        guard let nameEnd = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        var fields = FieldReader(rest: UnsafeRawBufferPointer(rebasing: line[(nameEnd + 1)...]), next: 3)
        // A space and the letter of the state: "X" is on its way out.
        let state = nameEnd + 2 < line.count ? line[nameEnd + 2] : 0
        isZombie = state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
        guard let group = fields.number(5), let session = fields.number(6), let user = fields.number(14),
            let system = fields.number(15), let childrenUser = fields.number(16),
            let childrenSystem = fields.number(17), let start = fields.number(22), let pages = fields.number(24)
        else { return nil }
        self.start = ProcessStart(ticks: start)
        self.group = Int32(truncatingIfNeeded: group)
        self.session = Int32(truncatingIfNeeded: session)
        usage = ProcessUsage(
            userTime: Self.duration(user &+ childrenUser), systemTime: Self.duration(system &+ childrenSystem),
            residentMemory: Int64(clamping: pages.multipliedReportingOverflow(by: UInt64(Self.pageSize)).partialValue))
    }

    private static func duration(_ ticks: UInt64) -> Duration {
        let ticks = Int64(clamping: ticks)
        let rest = ticks % ticksPerSecond
        return .seconds(ticks / ticksPerSecond) + .milliseconds(rest * 1000 / ticksPerSecond)
    }
}

/// The fields of a line, which a space each precedes, from left to right.
private struct FieldReader {
    private static let space = UInt8(ascii: " ")

    let rest: UnsafeRawBufferPointer
    /// The number of the field that comes next, counted from 1 as in proc(5).
    var next: Int
    private var index = 0

    init(rest: UnsafeRawBufferPointer, next: Int) {
        self.rest = rest
        self.next = next
    }

    /// The number in this field, which must come after those that were read; `nil` when it is none.
    mutating func number(_ field: Int) -> UInt64? {
        while next < field {
            guard index < rest.count else { return nil }
            index += 1
            while index < rest.count, rest[index] != Self.space { index += 1 }
            next += 1
        }
        guard index < rest.count else { return nil }
        index += 1
        next += 1
        let start = index
        var value: UInt64 = 0
        while index < rest.count, rest[index] != Self.space {
            guard rest[index] >= UInt8(ascii: "0"), rest[index] <= UInt8(ascii: "9") else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, tooLarge) = product.addingReportingOverflow(UInt64(rest[index] - UInt8(ascii: "0")))
            if overflow || tooLarge { return nil }
            value = sum
            index += 1
        }
        return index > start ? value : nil
    }
}

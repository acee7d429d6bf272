// SPDX-License-Identifier: Apache-2.0
// A pipe that stands for standard error, and what was written to it.

import Daemon
import Descriptors
import Glibc
import SystemPackage
import Systemd
import TestSupport

/// The reader's end of a pipe, with the writer's end to give away.
struct LogPipe: ~Copyable {
    private let reader: Descriptor
    private var writer: Descriptor?

    init() {
        let ends = makePipe(isBlocking: true)
        reader = Descriptor(adopting: ends.reading.release())
        writer = Descriptor(adopting: ends.writing.release())
    }

    /// The writer's end, once.
    mutating func takeWriter() -> Descriptor {
        guard let writer = writer.take() else { preconditionFailure("the writer's end was taken before") }
        return writer
    }

    /// Writes until not another byte fits.
    ///
    /// Returns how many bytes those were.
    borrowing func fill(_ writer: borrowing Descriptor) -> Int {
        let zeros = [UInt8](repeating: 0, count: 4096)
        return writer.use { number in
            let flags = fcntl(number, F_GETFL)
            _ = fcntl(number, F_SETFL, flags | O_NONBLOCK)
            defer { _ = fcntl(number, F_SETFL, flags) }
            var total = 0
            for size in [zeros.count, 1] {
                while case let count = write(number, zeros, size), count > 0 { total += count }
            }
            return total
        }
    }

    /// Reads this many bytes, waiting for them, or all up to the end.
    borrowing func read(_ limit: Int = .max) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65536)
        while bytes.count < limit {
            let count = reader.use { Glibc.read($0, &part, min(part.count, limit - bytes.count)) }
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return bytes
    }

    /// Closes the reader's end: what is written from now on fails.
    consuming func closeReader() { reader.close() }

    /// All lines up to the end, without their newlines.
    ///
    /// What follows the last newline is a line too.
    borrowing func lines() -> [String] { Self.lines(read()) }

    static func lines(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// What a writer makes of these lines.
func written(_ format: LogFormat, _ lines: LogLine...) throws -> [String] {
    var pipe = LogPipe()
    let writer = try LogWriter(.lines(format), stream: pipe.takeWriter(), notifier: Notifier())
    for line in lines { writer.log(line) }
    // Long output does not fit into the pipe: it is read while it is written.
    writer.finish(within: .zero)
    return pipe.lines()
}

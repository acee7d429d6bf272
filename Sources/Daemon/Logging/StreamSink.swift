// SPDX-License-Identifier: Apache-2.0
// Log lines written to a stream, many with one write(2).

internal import Descriptors
internal import Glibc

/// Writes lines to a pipe, a terminal or a file.
///
/// It may block for as long as nobody reads.
struct StreamSink: Sendable {
    /// A pipe takes so many bytes in one piece (PIPE_BUF): the lines of two writers are never mixed.
    private static let writeLimit = 4096

    private let output: Output
    private var renderer: LogRenderer
    private var bytes: [UInt8] = []
    /// How many lines are in `bytes`, and how many failed; each counts as what it stands for.
    private var kept = 0
    private var lost = 0

    /// Lines of this format on this stream.
    init(_ format: LogFormat, _ output: Output) {
        renderer = LogRenderer(format)
        self.output = output
    }

    /// Keeps the line for ``flush()``, or writes what was kept before.
    mutating func append(_ line: LogLine, standingFor count: Int) {
        let start = bytes.count
        renderer.append(line, to: &bytes)
        if start > 0, bytes.count > Self.writeLimit { write(start) }
        kept += count
    }

    /// Writes what is kept; returns what was lost since the last time.
    mutating func flush() -> Int {
        write(bytes.count)
        defer { lost = 0 }
        return lost
    }

    private mutating func write(_ count: Int) {
        if !output.write(bytes[..<count]) { lost += kept }
        // The memory of an uncommonly long line is given back.
        bytes.removeSubrange(..<count)
        if bytes.isEmpty, bytes.capacity > 16 * Self.writeLimit { bytes = [] }
        kept = 0
    }
}

extension StreamSink {
    /// The stream's descriptor, with the blocking write.
    final class Output: Sendable {
        private let descriptor: Descriptor

        /// Owns the descriptor, and closes it when the writer's thread has ended.
        init(_ descriptor: consuming Descriptor) {
            self.descriptor = descriptor
        }

        /// Writes all bytes; false if the stream is broken, and then some of them may have been written.
        func write(_ bytes: ArraySlice<UInt8>) -> Bool {
            bytes.withUnsafeBytes { bytes in
                var rest = bytes
                while !rest.isEmpty {
                    let written = descriptor.use { Glibc.write($0, rest.baseAddress, rest.count) }
                    if written >= 0 {
                        rest = .init(rebasing: rest[written...])
                    } else if errno == EAGAIN {
                        waitUntilWritable()
                    } else if errno != EINTR {
                        return false
                    }
                }
                return true
            }
        }

        /// Somebody who shares the stream made it non-blocking.
        private func waitUntilWritable() {
            descriptor.use { number in
                var request = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
                _ = poll(&request, 1, -1)
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Reads what a daemon wrote on its standard error, and waits for more by inotify.

import Foundation

/// The file a daemon's standard error goes to.
final class LogFile: Sendable {
    let path: String
    private let watch: CInt

    init(path: String) throws {
        self.path = path
        guard FileManager.default.createFile(atPath: path, contents: nil) else {
            throw TestFailure("cannot write \(path)")
        }
        watch = inotify_init1(CInt(IN_NONBLOCK) | CInt(IN_CLOEXEC))
        guard inotify_add_watch(watch, path, UInt32(IN_MODIFY)) >= 0 else { throw TestFailure("cannot watch \(path)") }
    }

    deinit { close(watch) }

    /// The lines that are there in full: what comes after the last newline is perhaps still being written.
    var bytes: Data {
        let all = readBytes(path)
        return all.lastIndex(of: UInt8(ascii: "\n")).map { all[...$0] } ?? Data()
    }
    /// All of it, for a person.
    var text: String { readText(path) }
    /// The lines that are there in full; empty ones are left out.
    var lines: [String] { bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) } }

    /// Waits until the file holds a line for which `matches` is true; returns that line.
    @discardableResult
    func await(_ what: String, seconds: TimeInterval = patience, _ matches: (String) -> Bool) throws -> String {
        let deadline = Date() + seconds
        while true {
            if let line = lines.first(where: matches) { return line }
            guard Date() < deadline else { throw TestFailure("the log does not show \(what):\n\(text.suffix(4000))") }
            var ready = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, 100)
            var events = [UInt8](repeating: 0, count: 4096)
            while read(watch, &events, events.count) > 0 {}
        }
    }

    /// Waits until the file holds a line with all of `words`; returns that line.
    @discardableResult
    func await(_ words: String..., seconds: TimeInterval = patience) throws -> String {
        try self.await(words.joined(separator: ", "), seconds: seconds) { line in words.allSatisfy { line.contains($0) }
        }
    }
}

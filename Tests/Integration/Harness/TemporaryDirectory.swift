// SPDX-License-Identifier: Apache-2.0
// A folder of one test, removed with everything in it when the test is over.

import Foundation

/// A folder in /tmp: a short path, since Unix socket addresses have room for 107 bytes.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/serverd-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        // SERVERD_TEST_KEEP=1 leaves configuration and log for a look at them.
        guard ProcessInfo.processInfo.environment["SERVERD_TEST_KEEP"] == nil else { return }
        // What cannot be removed only takes up room in /tmp.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A path in the folder.
    func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, with its folders; returns its path.
    @discardableResult
    func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
        try write(Data(text.utf8), to: name, mode: mode)
    }

    /// Writes a file, with its folders, in place of one that is there; returns its path.
    ///
    /// At once: a daemon that looks meanwhile finds the former one or the new one, and never an empty one, which would
    /// mask its service.
    @discardableResult
    func write(_ bytes: Data, to name: String, mode: Int = 0o644) throws -> String {
        let file = path(name)
        let folder = URL(filePath: file).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let new = path(".new-\(UUID().uuidString)")
        guard FileManager.default.createFile(atPath: new, contents: bytes, attributes: [.posixPermissions: mode]),
            rename(new, file) == 0
        else { throw TestFailure("cannot write \(file)") }
        return file
    }

    /// Writes a program; returns its path.
    ///
    /// By another program: a file that is open for writing cannot be executed, and what this process has open is for a
    /// moment open in every process that other tests start meanwhile.
    func writeProgram(_ text: String, to name: String) throws -> String {
        let source = try write(text, to: "\(name).text")
        try succeed([Programs.installed("install"), "-m", "755", source, path(name)])
        return path(name)
    }

    /// Makes a named pipe; returns its path.
    func makePipe(_ name: String) throws -> String {
        guard mkfifo(path(name), 0o600) == 0 else { throw TestFailure("mkfifo: \(String(cString: strerror(errno)))") }
        return path(name)
    }
}

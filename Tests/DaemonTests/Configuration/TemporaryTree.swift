// SPDX-License-Identifier: Apache-2.0
// A directory for one test, with short ways to put files of all kinds into it; removed with the value.

import Foundation
import Testing

/// A temporary directory.
final class TemporaryTree {
    /// The path of the directory.
    let path: String

    /// Makes an empty directory that everyone may enter.
    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/serverd-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and makes the directories that it lies in; returns its path.
    @discardableResult
    func write(_ text: String, to name: String, mode: mode_t = 0o644) throws -> String {
        let file = try prepare(name)
        try Data(text.utf8).write(to: URL(filePath: file))
        try #require(chmod(file, mode) == 0)
        return file
    }

    /// Makes a directory.
    func makeDirectory(_ name: String, mode: mode_t = 0o755) throws {
        try #require(mkdir(try prepare(name), mode) == 0)
    }

    /// Makes a FIFO.
    func makeFIFO(_ name: String) throws {
        try #require(mkfifo(try prepare(name), 0o644) == 0)
    }

    /// Makes a symbolic link.
    func link(_ name: String, to target: String) throws {
        try #require(symlink(target, try prepare(name)) == 0)
    }

    /// Gives a file this length without writing it.
    func extend(_ name: String, to length: Int) throws {
        try #require(truncate("\(path)/\(name)", length) == 0)
    }

    private func prepare(_ name: String) throws -> String {
        let file = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        return file.path
    }
}

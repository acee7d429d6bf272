// SPDX-License-Identifier: Apache-2.0
// The files that the tests of the configuration read: golden ones, seeds, and those that the project ships.

import Foundation

/// Files beside the tests and in the project.
enum Files {
    /// The directory of these tests.
    static let here = URL(filePath: #filePath).deletingLastPathComponent().path
    /// The project's directory.
    static let root = URL(filePath: here).deletingLastPathComponent().deletingLastPathComponent().path

    /// The names in a directory, sorted.
    static func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    /// The bytes of a file.
    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }

    /// The text of a file.
    static func text(_ path: String) throws -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    /// Replaces a file.
    static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    /// Whether the variable `SERVERD_UPDATE_GOLDEN` asks to write golden files instead of comparing with them.
    static let updatesGolden = ProcessInfo.processInfo.environment["SERVERD_UPDATE_GOLDEN"] != nil
}

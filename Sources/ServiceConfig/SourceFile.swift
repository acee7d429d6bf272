// SPDX-License-Identifier: Apache-2.0
// A configuration file as the parser gets it: its path and its bytes, or why there are none.

/// A configuration file: where it lies and what was read from it.
package struct SourceFile: Equatable, Sendable {
    /// The largest file that is read, in bytes.
    package static let maximumSize = 1 << 20

    /// Why a file could not be read, in words for its operator.
    package struct Problem: Error, Equatable, Sendable {
        /// What is wrong, such as `cannot be read: Permission denied`.
        package let message: String
        /// What was expected instead, if that helps.
        package let expected: String?

        /// A problem from its words.
        package init(_ message: String, expected: String? = nil) {
            self.message = message
            self.expected = expected
        }

        /// The file has more than ``SourceFile/maximumSize`` bytes.
        package static let tooLarge = Problem("is larger than 1 MiB", expected: "a configuration file of at most 1 MiB")
    }

    /// The path, as messages show it.
    package let path: String
    /// The bytes, or why they could not be read: errors of reading are reported together with those of parsing.
    package let contents: Result<[UInt8], Problem>

    /// A file from what reading it gave.
    package init(path: String, contents: Result<[UInt8], Problem>) {
        self.path = path
        self.contents = contents
    }

    /// A file that holds `text`.
    package init(path: String, text: String) {
        self.init(path: path, contents: .success(Array(text.utf8)))
    }

    /// The bytes, if there are not too many.
    func limitedContents() throws(Problem) -> [UInt8] {
        let bytes = try contents.get()
        guard bytes.count <= Self.maximumSize else { throw .tooLarge }
        return bytes
    }

    /// The last part of the path without `.toml`: the name of the service that the file defines.
    package var serviceName: String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.hasSuffix(".toml") ? String(name.dropLast(5)) : name
    }
}

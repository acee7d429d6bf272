// SPDX-License-Identifier: Apache-2.0
// Finds the programs the tests run: ours beside the test binary, everybody else's on the system.

import Foundation

/// Something the test machine lacks or that did not happen in time; ends the test with a sentence.
struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The programs the tests run, as absolute paths.
enum Programs {
    /// The daemon under test.
    static var serverd: String { get throws { try built("serverd") } }
    /// The operator's tool under test.
    static var serverctl: String { get throws { try built("serverctl") } }

    /// A program that nobody here wrote; the packages that bring them are listed in `packages.txt`.
    static func installed(_ name: String) throws -> String {
        for directory in ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"] {
            let path = "\(directory)/\(name)"
            if access(path, X_OK) == 0 { return path }
        }
        throw TestFailure("\(name) is not installed; Tests/Integration/packages.txt lists what these tests need")
    }

    /// The products lie in the folder of the running test binary, whatever the build's folder is called.
    private static func built(_ name: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let folders = [URL(filePath: own).deletingLastPathComponent(), root.appending(path: ".build/debug")]
        for folder in folders {
            let path = folder.appending(path: name).path
            if access(path, X_OK) == 0 { return path }
        }
        throw TestFailure("\(name) is not built; `swift build` makes it")
    }
}

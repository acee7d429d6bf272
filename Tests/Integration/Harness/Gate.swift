// SPDX-License-Identifier: Apache-2.0
// A named pipe at which a handler waits until the test lets it go on.

import Foundation

/// Kept open by the test, so that a handler's opening it never blocks; its reader waits until something is written.
final class Gate: Sendable {
    let path: String
    private let descriptor: CInt

    init(in directory: TemporaryDirectory, _ name: String = "gate") throws {
        path = try directory.makePipe(name)
        descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestFailure("cannot open \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Gives a waiting reader this line.
    func open(with line: String = "go\n") {
        _ = line.withCString { write(descriptor, $0, strlen($0)) }
    }
}

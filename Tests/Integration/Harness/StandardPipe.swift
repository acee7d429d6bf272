// SPDX-License-Identifier: Apache-2.0
// A pipe for a program's standard descriptors.

import Foundation

/// A pipe whose ends close with it.
final class StandardPipe: Sendable {
    let readEnd: CInt
    let writeEnd: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TestFailure("pipe: \(String(cString: strerror(errno)))") }
        (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    /// Makes the pipe hold no more than one page.
    func shrink() {
        let setPipeSize: CInt = 1031  // F_SETPIPE_SZ, fcntl(2)
        _ = fcntl(writeEnd, setPipeSize, 4096)
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }
}

// SPDX-License-Identifier: Apache-2.0
// A pipe for a program's standard descriptors.

import Foundation
import TestSupport

/// A pipe whose ends close with it.
final class StandardPipe: Sendable {
    private let ends = makePipe(isBlocking: true)

    var readEnd: CInt { ends.reading.number }
    var writeEnd: CInt { ends.writing.number }

    /// Leaves whoever writes without a reader.
    func closeReadEnd() { ends.reading.close() }

    /// Makes the pipe hold no more than one page.
    func shrink() {
        let setPipeSize: CInt = 1031  // F_SETPIPE_SZ, fcntl(2)
        _ = fcntl(writeEnd, setPipeSize, 4096)
    }
}

// SPDX-License-Identifier: Apache-2.0
// How large a terminal is, as the kernel tells it.

internal import Glibc

/// How large a terminal is.
struct TerminalSize: Equatable {
    /// Its columns.
    var columns: Int
    /// Its lines.
    var rows: Int

    /// The size of the terminal that `descriptor` is; what it does not tell is as on the first terminals.
    static func of(_ descriptor: CInt) -> TerminalSize {
        // `struct winsize`, which no module that may be imported here has for its own.
        var size: (rows: UInt16, columns: UInt16, width: UInt16, height: UInt16) = (0, 0, 0, 0)
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) != 0 { size = (0, 0, 0, 0) }
        return TerminalSize(
            columns: size.columns > 0 ? Int(size.columns) : 80, rows: size.rows > 0 ? Int(size.rows) : 24)
    }
}

// SPDX-License-Identifier: Apache-2.0
// The terminal while one program has all of it: its modes, its alternate screen, and how it is left as it was.

internal import Descriptors
internal import Glibc
internal import SystemPackage

/// A terminal that one program has to itself.
struct FullScreen {
    /// Onto the alternate screen, which is erased; without a cursor, and without lines that go on below.
    private static let entering = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J"
    /// All of that undone.
    private static let leaving = "\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"

    private let input: CInt
    private let print: (String) -> Void
    private let modesBefore: termios
    /// The lines that are on the screen; `nil` if that is not known.
    private var drawn: [String]?

    /// Takes the terminal over, until ``leave()``.
    ///
    /// `input` and what `print` writes to are the terminal.
    init(input: CInt, print: @escaping (String) -> Void) throws(Errno) {
        self.input = input
        self.print = print
        var modes = termios()
        try Errno.check(tcgetattr(input, &modes))
        modesBefore = modes
        try enter()
    }

    /// Takes the terminal again, of which nothing is known then.
    mutating func enter() throws(Errno) {
        var modes = modesBefore
        cfmakeraw(&modes)
        try Errno.check(tcsetattr(input, TCSADRAIN, &modes))
        print(Self.entering)
        drawn = nil
    }

    /// Leaves the terminal as it was.
    func leave() {
        print(Self.leaving)
        var modes = modesBefore
        // A terminal that is gone needs nothing.
        tcsetattr(input, TCSADRAIN, &modes)
    }

    /// How large the terminal is; what it does not tell is as on the first ones.
    var size: TerminalSize { TerminalSize.of(input) }

    /// Has the next lines drawn whatever is there.
    mutating func forget() { drawn = nil }

    /// Shows these lines from the top; those that are there already are left alone.
    mutating func draw(_ lines: [String]) {
        var text = drawn == nil ? "\u{1b}[2J" : ""
        for (row, line) in lines.enumerated() {
            if let drawn, row < drawn.count, drawn[row] == line { continue }
            // Erased before: behind the last column it would be that column which is erased.
            text += "\u{1b}[\(row + 1);1H\u{1b}[K\(line)"
        }
        drawn = lines
        if !text.isEmpty { print(text) }
    }

    /// The bytes that keys have sent; `nil` if there is no terminal any more.
    func read() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = Glibc.read(input, &buffer, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return [] }
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }
}

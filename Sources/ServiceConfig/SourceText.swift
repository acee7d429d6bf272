// SPDX-License-Identifier: Apache-2.0
// The text of one file by lines, so that an error can show the line it speaks of; and the check that it is UTF-8.

/// A place in a file: both numbers count from 1, columns in code points.
package struct SourcePosition: Equatable, Comparable, Sendable {
    /// The line.
    package let line: Int
    /// The column.
    package let column: Int

    /// The very start of a file.
    package static let start = SourcePosition(line: 1, column: 1)

    /// A place by its numbers.
    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// By line, then by column.
    package static func < (a: SourcePosition, b: SourcePosition) -> Bool {
        (a.line, a.column) < (b.line, b.column)
    }
}

/// The text of one file.
struct SourceText: Sendable {
    let path: String
    private let bytes: [UInt8]

    /// The text in `bytes`.
    init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// The file that it was read from.
    var file: SourceFile { SourceFile(path: path, contents: .success(bytes)) }

    /// Whether these are its bytes.
    func consists(of bytes: [UInt8]) -> Bool { self.bytes == bytes }

    /// The line with this number; empty past the end.
    ///
    /// What is not UTF-8 is shown as `�`.
    func line(_ number: Int) -> String {
        let lines = bytes.split(
            separator: UInt8(ascii: "\n"), maxSplits: number, omittingEmptySubsequences: false)
        guard lines.indices.contains(number - 1) else { return "" }
        let bytes = lines[number - 1]
        let line = String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
        return number == 1 && line.unicodeScalars.first == "\u{feff}" ? String(line.unicodeScalars.dropFirst()) : line
    }

    /// An error at `position`, with its line.
    func error(
        at position: SourcePosition, _ message: String, expected: String? = nil, suggestion: String? = nil
    ) -> ConfigError {
        let place = ConfigError.Place(position: position, sourceLine: line(position.line))
        return ConfigError(file: path, place: place, message: message, expected: expected, suggestion: suggestion)
    }

    /// Where the first bytes are that are not UTF-8, if there are any.
    static func firstInvalidByte(in bytes: [UInt8]) -> SourcePosition? {
        guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var line = 1
        var column = 1
        while case .valid(let scalar) = parser.parseScalar(from: &iterator) {
            let isNewline = scalar.elementsEqual(CollectionOfOne(UInt8(ascii: "\n")))
            (line, column) = isNewline ? (line + 1, 1) : (line, column + 1)
        }
        return SourcePosition(line: line, column: column)
    }
}

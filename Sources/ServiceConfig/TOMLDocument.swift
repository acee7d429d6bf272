// SPDX-License-Identifier: Apache-2.0
// TOML text as a tree of Swift values, each with its place in the text; the one user of the C++ parser.

internal import CTOML

/// A value of a TOML document.
struct TOMLValue: Equatable {
    /// What a value is.
    enum Content: Equatable {
        case string(String)
        case integer(Int64)
        case boolean(Bool)
        case float
        case dateTime
        case array([TOMLValue])
        case table([TOMLEntry])
    }

    let content: Content
    let position: SourcePosition

    /// The tables that it is: one, those of a list of tables, or none.
    var tables: [[TOMLEntry]] {
        switch content {
        case .table(let entries): [entries]
        case .array(let items): items.flatMap(\.tables)
        case .string, .integer, .boolean, .float, .dateTime: []
        }
    }

    /// What a person calls this kind of value.
    var kindName: String {
        switch content {
        case .string: "a text"
        case .integer: "a whole number"
        case .boolean: "a boolean"
        case .float: "a fraction"
        case .dateTime: "a date or a time"
        case .array: "a list"
        case .table: "a table"
        }
    }
}

/// A key of a table with its value.
struct TOMLEntry: Equatable {
    let key: String
    let position: SourcePosition
    let value: TOMLValue
}

/// Why a text is not TOML.
struct TOMLSyntaxError: Error, Equatable {
    let message: String
    let position: SourcePosition
}

/// A TOML document: the entries of its root table.
struct TOMLDocument: Equatable {
    let entries: [TOMLEntry]

    /// Parses TOML 1.0.
    ///
    /// The parser stops at the first error.
    init(parsing bytes: [UInt8]) throws(TOMLSyntaxError) {
        // A byte order mark is no column.
        let bytes = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
        if let position = SourceText.firstInvalidByte(in: bytes) {
            throw TOMLSyntaxError(message: "the file is not UTF-8 text", position: position)
        }
        if let position = KeyDepth.firstTooDeep(in: bytes) {
            throw TOMLSyntaxError(message: "a key with more than \(KeyDepth.maximumDots) dots", position: position)
        }
        entries = try ParsedText(bytes).entries()
    }
}

/// The owner of what the C++ parser made.
private struct ParsedText: ~Copyable {
    private let document: OpaquePointer

    init(_ bytes: [UInt8]) throws(TOMLSyntaxError) {
        let document = bytes.withUnsafeBytes { ctoml_parse($0.baseAddress, $0.count) }
        guard let document else { throw TOMLSyntaxError(message: "out of memory", position: .start) }
        self.document = document
    }

    deinit { ctoml_free(document) }

    borrowing func entries() throws(TOMLSyntaxError) -> [TOMLEntry] {
        var count = 0
        let start = ctoml_items(document, &count)
        var items = UnsafeBufferPointer(start: start, count: count)[...]
        guard let root = items.popFirst() else {
            var position = ctoml_position()
            let message = string(ctoml_error(document, &position))
            throw TOMLSyntaxError(message: message, position: SourcePosition(position))
        }
        return (0..<root.children).compactMap { _ in items.popFirst().map { entry($0, followedBy: &items) } }
    }

    private borrowing func entry(_ item: ctoml_item, followedBy items: inout Slice<UnsafeBufferPointer<ctoml_item>>)
        -> TOMLEntry
    {
        TOMLEntry(
            key: string(item.key), position: SourcePosition(item.key_position), value: value(item, followedBy: &items))
    }

    private borrowing func value(_ item: ctoml_item, followedBy items: inout Slice<UnsafeBufferPointer<ctoml_item>>)
        -> TOMLValue
    {
        let content: TOMLValue.Content =
            switch item.kind {
            case .CTOML_TABLE:
                .table((0..<item.children).compactMap { _ in items.popFirst().map { entry($0, followedBy: &items) } })
            case .CTOML_ARRAY:
                .array((0..<item.children).compactMap { _ in items.popFirst().map { value($0, followedBy: &items) } })
            case .CTOML_STRING: .string(string(item.string))
            case .CTOML_INTEGER: .integer(item.integer)
            case .CTOML_FLOAT: .float
            case .CTOML_BOOLEAN: .boolean(item.integer != 0)
            case .CTOML_DATE_TIME: .dateTime
            }
        return TOMLValue(content: content, position: SourcePosition(item.position))
    }

    private borrowing func string(_ text: ctoml_text) -> String {
        let bytes = UnsafeRawBufferPointer(start: text.bytes, count: text.length)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension SourcePosition {
    /// A place as the C++ parser counts it; what it does not know is the start.
    fileprivate init(_ position: ctoml_position) {
        self.init(line: max(1, Int(position.line)), column: max(1, Int(position.column)))
    }
}

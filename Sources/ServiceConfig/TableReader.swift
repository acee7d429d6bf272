// SPDX-License-Identifier: Apache-2.0
// Reads the keys of one file as typed values and collects, with their places, the errors met on the way.

internal import Policy

/// A value with its place.
struct Located<Value> {
    let value: Value
    let position: SourcePosition
}

extension Located: Sendable where Value: Sendable {}

/// A text from a file as messages quote it: escaped, and cut when it is long.
func quoted(_ text: String) -> String { "`\(SafeText.escape(text, limit: 80))`" }

/// The reader of a file whose keys are the cases of `Key`.
///
/// Each question answers nil for a key that is not there and for one that is wrong; the latter adds to ``errors``.
struct TableReader<Key: RawRepresentable<String> & CaseIterable & Hashable & Sendable> {
    let source: SourceText
    private(set) var errors: [ConfigError] = []
    /// A file has few keys: looking through them is faster than a table would be.
    private let entries: [TOMLEntry]

    /// Opens `file`; nil after adding to `errors` why it cannot be read or is not TOML.
    init?(_ file: SourceFile, errors: inout [ConfigError]) {
        let bytes: [UInt8]
        do {
            bytes = try file.limitedContents()
        } catch {
            errors.append(ConfigError(file: file.path, place: nil, message: error.message, expected: error.expected))
            return nil
        }
        source = SourceText(path: file.path, bytes: bytes)
        do {
            entries = try TOMLDocument(parsing: bytes).entries
        } catch {
            errors.append(error.configError(in: source))
            return nil
        }
    }

    // MARK: Errors

    /// Whether there are more errors than will be told: the rest of the file need not be looked at.
    var hasTooManyErrors: Bool { errors.count > ConfigErrors.limit }

    /// Adds an error, unless there are too many.
    mutating func fail(
        _ position: SourcePosition, _ message: String, expected: String? = nil, suggestion: String? = nil
    ) {
        guard !hasTooManyErrors else { return }
        errors.append(source.error(at: position, message, expected: expected, suggestion: suggestion))
    }

    /// Adds an error for each key that is no case of `Key`.
    ///
    /// `note` may say what was expected, in place of the list of the keys.
    mutating func rejectUnknownKeys(note: (TOMLEntry) -> String? = { _ in nil }) {
        let unknown = entries.filter { Key(rawValue: $0.key) == nil }.sorted { $0.position < $1.position }
        guard !unknown.isEmpty else { return }
        let names = Key.allCases.map(\.rawValue)
        for entry in unknown.prefix(ConfigErrors.limit + 1) {
            let note = note(entry)
            let nearest = note == nil ? NearestName.find(entry.key, among: names) : nil
            let list = nearest == nil ? "one of the keys \(names.sorted().joined(separator: ", "))" : nil
            fail(entry.position, "unknown key \(quoted(entry.key))", expected: note ?? list, suggestion: nearest)
        }
    }

    /// Adds one error, and returns true, when keys of this file stand below a heading: then nothing else is to be said
    /// of it.
    mutating func rejectHeading() -> Bool {
        let headings = entries.filter { entry in
            entry.value.tables.contains { $0.contains { Key(rawValue: $0.key) != nil } }
                && Key(rawValue: entry.key) == nil
        }
        guard let first = headings.min(by: { $0.position < $1.position }) else { return false }
        fail(
            first.position, "the keys of this file stand below the heading \(quoted(first.key))",
            expected: "keys without a heading: remove this line")
        return true
    }

    // MARK: Keys

    /// Where each key of the file stands.
    var keyLines: KeyLines<Key> {
        KeyLines(
            file: source.path,
            lines: Key.allCases.compactMap { key in position(key).map { KeyLines.Line(key: key, number: $0.line) } })
    }

    /// Where a key stands, if it is there.
    func position(_ key: Key) -> SourcePosition? { entry(key)?.position }

    /// The value of a key, if it is there.
    func value(_ key: Key) -> TOMLValue? { entry(key)?.value }

    private func entry(_ key: Key) -> TOMLEntry? {
        let name = key.rawValue
        return entries.first { $0.key == name }
    }

    /// Adds the error of a value that is not of the kind `expected`.
    mutating func wrongKind(_ key: Key, _ value: TOMLValue, expected: String) {
        fail(value.position, "`\(key.rawValue)` is \(value.kindName)", expected: expected)
    }

    /// A text without NUL.
    mutating func string(_ key: Key, expected: String = "a text in quotes") -> Located<String>? {
        guard let value = value(key) else { return nil }
        return string(value, of: key, expected: expected)
    }

    /// The text that `value`, found at `key`, is.
    mutating func string(_ value: TOMLValue, of key: Key, expected: String) -> Located<String>? {
        guard case .string(let text) = value.content else {
            wrongKind(key, value, expected: expected)
            return nil
        }
        guard !text.utf8.contains(0) else {
            fail(
                value.position, "`\(key.rawValue)` has a NUL character in it",
                expected: "a text without NUL, at which C ends a text")
            return nil
        }
        return Located(value: text, position: value.position)
    }

    /// A boolean.
    mutating func boolean(_ key: Key) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .boolean(let answer) = value.content else {
            wrongKind(key, value, expected: "true or false, without quotes")
            return nil
        }
        return answer
    }

    /// A whole number in a range.
    mutating func integer(_ key: Key, in range: ClosedRange<Int>) -> Int? {
        guard let value = value(key) else { return nil }
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound), without quotes"
        guard case .integer(let number) = value.content else {
            wrongKind(key, value, expected: expected)
            return nil
        }
        guard let number = Int(exactly: number), range.contains(number) else {
            fail(value.position, "`\(key.rawValue)` is out of its range", expected: expected)
            return nil
        }
        return number
    }

    /// A list of texts, with the place of each; nil if one of them is wrong.
    mutating func strings(_ key: Key, expected: String) -> [Located<String>]? {
        guard let value = value(key) else { return nil }
        guard case .array(let items) = value.content else {
            wrongKind(key, value, expected: expected)
            return nil
        }
        var texts: [Located<String>] = []
        for item in items where !hasTooManyErrors {
            if let text = string(item, of: key, expected: expected) { texts.append(text) }
        }
        return texts.count == items.count ? texts : nil
    }

    /// One of the words that `Word` has.
    mutating func word<Word: RawRepresentable<String> & CaseIterable>(_ key: Key, as _: Word.Type) -> Word? {
        let words = Word.allCases.map(\.rawValue)
        let expected = "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
        guard let text = string(key, expected: expected) else { return nil }
        if let word = Word(rawValue: text.value) { return word }
        let nearest = NearestName.find(text.value, among: words)
        fail(
            text.position, "`\(key.rawValue)` cannot be \(quoted(text.value))", expected: expected, suggestion: nearest)
        return nil
    }

    /// Permission bits as an octal number in quotes: `"022"`.
    mutating func permissions(_ key: Key, example: String) -> UInt32? {
        guard let value = value(key) else { return nil }
        let expected = "an octal number in quotes from \"000\" to \"777\", such as \(key.rawValue) = \"\(example)\""
        guard let text = string(value, of: key, expected: expected) else { return nil }
        let isOctal = text.value.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "7")).contains)
        guard isOctal, let bits = UInt32(text.value, radix: 8), bits <= 0o777, text.value.utf8.count <= 4 else {
            fail(text.position, "`\(key.rawValue)` cannot be \(quoted(text.value))", expected: expected)
            return nil
        }
        return bits
    }

    /// A duration such as `"30s"` in a range.
    mutating func duration(_ key: Key, in range: ClosedRange<Duration>) -> Duration? {
        let expected =
            "a duration in quotes, such as \"500ms\", \"30s\" or \"1min 30s\", of at most \(range.upperBound.text)"
        guard let text = string(key, expected: expected) else { return nil }
        guard let duration = Duration(text: text.value), range.contains(duration) else {
            fail(text.position, "`\(key.rawValue)` cannot be \(quoted(text.value))", expected: expected)
            return nil
        }
        return duration
    }

    /// An absolute path.
    mutating func path(_ key: Key) -> String? {
        guard let text = string(key) else { return nil }
        guard text.value.hasPrefix("/") else {
            fail(text.position, "\(quoted(text.value)) is not an absolute path", expected: "a path that begins with /")
            return nil
        }
        return text.value
    }
}

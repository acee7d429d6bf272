// SPDX-License-Identifier: Apache-2.0
// The parser of JSON texts: strict, without recursion, from bytes to the places of values.

/// A walk through a JSON text, once, from the left to the right.
struct JSONParser {
    /// What may come next.
    private enum Awaited {
        case value, valueOrEnd, key, keyOrEnd, colon, separatorOrEnd, nothing
    }

    private let text: [UInt8]
    private var next = 0
    private var awaited = Awaited.value
    /// The places of the objects and arrays that are open.
    private var open: [Int] = []
    /// The values that have begun.
    private(set) var values: [JSONDocument.Value] = []
    /// Whether there was anything between values.
    private(set) var hasSpaces = false

    /// A walk that has not begun.
    init(_ text: [UInt8]) {
        self.text = text
    }

    /// Whether a byte may stand between values.
    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    /// Walks to the end.
    mutating func parse() throws(ProtocolViolation) {
        while next < text.count {
            if Self.isSpace(text[next]) {
                hasSpaces = true
                next += 1
            } else {
                try take(text[next])
            }
        }
        guard awaited == .nothing else { throw .notJSON(reason: "it ends too early") }
    }

    private mutating func take(_ byte: UInt8) throws(ProtocolViolation) {
        switch byte {
        case UInt8(ascii: "{"): try begin(.object, awaiting: .keyOrEnd)
        case UInt8(ascii: "["): try begin(.array, awaiting: .valueOrEnd)
        case UInt8(ascii: "}"): try end(.object, orRightBehind: .keyOrEnd)
        case UInt8(ascii: "]"): try end(.array, orRightBehind: .valueOrEnd)
        case UInt8(ascii: ","):
            try require(awaited == .separatorOrEnd)
            awaited = open.last.map { values[$0].kind } == .object ? .key : .value
            next += 1
        case UInt8(ascii: ":"):
            try require(awaited == .colon)
            awaited = .value
            next += 1
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        default: try number()
        }
    }

    // MARK: Objects and arrays

    private mutating func begin(_ kind: JSONDocument.Kind, awaiting first: Awaited) throws(ProtocolViolation) {
        try requireValue()
        guard open.count < JSONDocument.depthLimit else { throw .nestedTooDeeply(limit: JSONDocument.depthLimit) }
        open.append(values.count)
        add(kind, next, next)
        awaited = first
        next += 1
    }

    private mutating func end(_ kind: JSONDocument.Kind, orRightBehind empty: Awaited) throws(ProtocolViolation) {
        try require(awaited == .separatorOrEnd || awaited == empty)
        guard let place = open.popLast() else { return }
        try require(values[place].kind == kind)
        next += 1
        values[place].end = UInt32(next)
        values[place].next = UInt32(values.count)
        if kind == .object, hasDouble(place) { throw .duplicateKey }
        didEndValue()
    }

    /// Whether the object, the last that has begun, has a key twice.
    private func hasDouble(_ object: Int) -> Bool {
        var keys: [Int] = []
        var place = object + 1
        while place < values.count {
            keys.append(place)
            place = Int(values[place + 1].next)
        }
        // Most objects are small: no table is built for them.
        guard keys.count <= 16 else { return Set(keys.map(plainKey)).count < keys.count }
        return keys.indices.contains { index in
            keys[(index + 1)...].contains { isSame(keys[index], $0) }
        }
    }

    private func isSame(_ key: Int, _ other: Int) -> Bool {
        if values[key].hasEscapes || values[other].hasEscapes { return plainKey(key) == plainKey(other) }
        let (start, otherStart) = (Int(values[key].start), Int(values[other].start))
        let count = Int(values[key].end) - start
        guard Int(values[other].end) - otherStart == count else { return false }
        for index in 0..<count where text[start + index] != text[otherStart + index] { return false }
        return true
    }

    private func plainKey(_ key: Int) -> ArraySlice<UInt8> {
        let written = text[Int(values[key].start)..<Int(values[key].end)]
        return values[key].hasEscapes ? JSONEscape.plain(written) : written
    }

    // MARK: Strings, words and numbers

    private mutating func string() throws(ProtocolViolation) {
        let isKey = awaited == .key || awaited == .keyOrEnd
        if !isKey { try requireValue() }
        let start = next + 1
        var hasEscapes = false
        next = start
        while next < text.count, text[next] != UInt8(ascii: "\"") {
            try require(text[next] >= 0x20)
            if text[next] == UInt8(ascii: "\\") {
                hasEscapes = true
                try escape()
            } else {
                next += 1
            }
        }
        guard next < text.count else { throw .notJSON(reason: "a string has no end") }
        add(.string, start, next)
        if hasEscapes { values[values.count - 1].hasEscapes = true }
        next += 1
        if isKey { awaited = .colon } else { didEndValue() }
    }

    private mutating func escape() throws(ProtocolViolation) {
        guard next + 1 < text.count else { throw .notJSON(reason: "a string has no end") }
        guard text[next + 1] == UInt8(ascii: "u") else {
            try require(JSONEscape.byName(text[next + 1]) != nil)
            next += 2
            return
        }
        let unit = try unit()
        try require(!JSONEscape.isLow(unit))
        guard JSONEscape.isHigh(unit) else { return }
        try require(JSONEscape.isLow(try self.unit()))
    }

    /// The unit that is escaped here, `\u` and four digits.
    private mutating func unit() throws(ProtocolViolation) -> UInt32 {
        let isEscape = text[next...].starts(with: #"\u"#.utf8)
        guard isEscape, let unit = JSONEscape.unit(text[(next + 2)...].prefix(4)) else { throw misplaced }
        next += 6
        return unit
    }

    private mutating func word(_ word: StaticString, _ kind: JSONDocument.Kind) throws(ProtocolViolation) {
        try requireValue()
        let start = next
        for index in 0..<word.utf8CodeUnitCount {
            try require(next < text.count && text[next] == word.utf8Start[index])
            next += 1
        }
        add(kind, start, next)
        didEndValue()
    }

    private mutating func number() throws(ProtocolViolation) {
        try requireValue()
        let start = next
        skip("-")
        if !skip("0") { try digits() }
        if skip(".") { try digits() }
        if skip("e") || skip("E") {
            if !skip("+") { skip("-") }
            try digits()
        }
        add(.number, start, next)
        didEndValue()
    }

    /// Goes over digits, of which there is at least one.
    private mutating func digits() throws(ProtocolViolation) {
        let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        try require(next < text.count && isDigit(text[next]))
        while next < text.count, isDigit(text[next]) { next += 1 }
    }

    @discardableResult
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next < text.count, text[next] == UInt8(ascii: character) else { return false }
        next += 1
        return true
    }

    // MARK: Order

    private mutating func add(_ kind: JSONDocument.Kind, _ start: Int, _ end: Int) {
        values.append(
            JSONDocument.Value(
                kind: kind, start: UInt32(start), end: UInt32(end), next: UInt32(values.count + 1)))
    }

    private mutating func didEndValue() { awaited = open.isEmpty ? .nothing : .separatorOrEnd }

    private func requireValue() throws(ProtocolViolation) { try require(awaited == .value || awaited == .valueOrEnd) }

    private func require(_ isInPlace: Bool) throws(ProtocolViolation) {
        if !isInPlace { throw misplaced }
    }

    private var misplaced: ProtocolViolation {
        next < text.count
            ? .notJSON(reason: "byte \(next) does not belong there") : .notJSON(reason: "it ends too early")
    }
}

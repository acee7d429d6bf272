// SPDX-License-Identifier: Apache-2.0
// A JSON text as it grows: on one line, the keys of each object sorted, without a tree of what it holds.

/// A JSON text in the making.
///
/// Values are written as they come, without a tree of them: an object whose members came in another order than that of
/// their keys is put in order when it ends.
struct JSONBuffer {
    /// The text so far.
    private(set) var bytes: [UInt8] = []
    /// The members of the objects that are open, outermost first.
    private var members: [Member] = []
    /// The value that is being written.
    private var level = Level(start: 0, firstMember: 0)

    /// A member of an object: where its key, its value's end and its place in the text are.
    private struct Member {
        let start: Int
        let keyEnd: Int
        var end: Int
    }

    /// A value that has begun.
    struct Level {
        fileprivate enum Kind { case nothing, scalar, object, array }
        fileprivate var kind = Kind.nothing
        fileprivate let start: Int
        fileprivate let firstMember: Int
        fileprivate var count = 0
        fileprivate var isInOrder = true
    }

    /// How many elements the array has that is being written.
    var count: Int { level.count }

    // MARK: Values

    /// Writes a value that JSON has by itself, and tells whether it is one.
    mutating func writeScalar<Value>(_ value: Value) throws -> Bool {
        // Types are compared before a value is cast, which would cost more than its writing.
        let type = Value.self
        if type == String.self, let text = value as? String {
            append(quoting: text)
        } else if type == Bool.self, let flag = value as? Bool {
            append(flag ? "true" : "false")
        } else if type == Int64.self, let number = value as? Int64 {
            append(number.magnitude, isNegative: number < 0)
        } else if type == UInt64.self, let number = value as? UInt64 {
            append(number, isNegative: false)
        } else if type == Int.self, let number = value as? Int {
            append(UInt64(number.magnitude), isNegative: number < 0)
        } else if type == Int32.self, let number = value as? Int32 {
            append(UInt64(number.magnitude), isNegative: number < 0)
        } else if type == UInt32.self, let number = value as? UInt32 {
            append(UInt64(number), isNegative: false)
        } else if type == Double.self, let number = value as? Double {
            try append(number)
        } else if type == UInt.self, let number = value as? UInt {
            append(UInt64(number), isNegative: false)
        } else if type == UInt16.self, let number = value as? UInt16 {
            append(UInt64(number), isNegative: false)
        } else if type == UInt8.self, let number = value as? UInt8 {
            append(UInt64(number), isNegative: false)
        } else if type == Int16.self, let number = value as? Int16 {
            append(UInt64(number.magnitude), isNegative: number < 0)
        } else if type == Int8.self, let number = value as? Int8 {
            append(UInt64(number.magnitude), isNegative: number < 0)
        } else {
            return false
        }
        if level.kind == .nothing { level.kind = .scalar }
        return true
    }

    /// Writes nothing at all, as a value.
    mutating func writeNull() {
        if level.kind == .nothing { level.kind = .scalar }
        append("null")
    }

    /// Writes a list of these elements, as a value: JSON on one line, with a comma between two.
    mutating func write(list elements: [UInt8]) {
        beginArray()
        bytes.append(contentsOf: elements)
    }

    /// Begins a value that has parts; returns what ``end(_:)`` wants.
    mutating func begin() -> Level {
        if level.kind == .nothing { level.kind = .scalar }
        let outer = level
        level = Level(start: bytes.count, firstMember: members.count)
        return outer
    }

    /// Ends it.
    mutating func end(_ outer: Level) {
        switch level.kind {
        case .scalar: break
        case .nothing: append("{}")
        case .array: bytes.append(UInt8(ascii: "]"))
        case .object:
            if !level.isInOrder { sort() }
            members.removeSubrange(level.firstMember...)
            bytes.append(UInt8(ascii: "}"))
        }
        level = outer
    }

    // MARK: Objects and arrays

    /// The value is an object.
    mutating func beginObject() {
        precondition(level.kind == .nothing || level.kind == .object, "a value is an object and something else")
        if level.kind == .nothing { bytes.append(UInt8(ascii: "{")) }
        level.kind = .object
    }

    /// The value is an array.
    mutating func beginArray() {
        precondition(level.kind == .nothing || level.kind == .array, "a value is an array and something else")
        if level.kind == .nothing { bytes.append(UInt8(ascii: "[")) }
        level.kind = .array
    }

    /// Begins a member of the object, whose value comes next.
    mutating func beginMember(_ key: String) {
        beginElement()
        let start = bytes.count
        append(quoting: key)
        let member = Member(start: start, keyEnd: bytes.count, end: 0)
        if level.isInOrder, level.count > 1, let last = members.last { level.isInOrder = areInOrder(last, member) }
        members.append(member)
        bytes.append(UInt8(ascii: ":"))
    }

    /// The member's value has ended.
    mutating func endMember() { members[members.count - 1].end = bytes.count }

    /// Begins an element of the array.
    mutating func beginElement() {
        if level.count > 0 { bytes.append(UInt8(ascii: ",")) }
        level.count += 1
    }

    private mutating func sort() {
        var sorted: [UInt8] = []
        for member in members[level.firstMember...].sorted(by: areInOrder) {
            if !sorted.isEmpty { sorted.append(UInt8(ascii: ",")) }
            sorted.append(contentsOf: bytes[member.start..<member.end])
        }
        bytes.replaceSubrange((level.start + 1)..., with: sorted)
    }

    // Without the quotes, for a quote comes after a space.
    private func areInOrder(_ one: Member, _ other: Member) -> Bool {
        bytes[(one.start + 1)..<(one.keyEnd - 1)]
            .lexicographicallyPrecedes(bytes[(other.start + 1)..<(other.keyEnd - 1)])
    }

    // MARK: Words, numbers and strings

    private mutating func append(_ word: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    private mutating func append(_ number: Double) throws {
        guard number.isFinite else {
            throw EncodingError.invalidValue(number, .init(codingPath: [], debugDescription: "it is not finite"))
        }
        let text = number.description
        bytes.append(contentsOf: text.hasSuffix(".0") ? text.dropLast(2).utf8 : text[...].utf8)
    }

    private mutating func append(_ magnitude: UInt64, isNegative: Bool) {
        if isNegative { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private mutating func append(quoting text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { text in
            if text.contains(where: Self.isEscaped) {
                for byte in text { append(escaping: byte) }
            } else {
                bytes.append(contentsOf: text)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func append(escaping byte: UInt8) {
        guard Self.isEscaped(byte) else { return bytes.append(byte) }
        switch byte {
        case UInt8(ascii: "\""): append(#"\""#)
        case UInt8(ascii: "\\"): append(#"\\"#)
        case 0x08: append(#"\b"#)
        case 0x0c: append(#"\f"#)
        case 0x0a: append(#"\n"#)
        case 0x0d: append(#"\r"#)
        case 0x09: append(#"\t"#)
        default:
            append(byte < 0x10 ? #"\u000"# : #"\u00"#)
            bytes.append(contentsOf: String(byte, radix: 16).utf8)
        }
    }
}

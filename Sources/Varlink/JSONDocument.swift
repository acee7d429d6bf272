// SPDX-License-Identifier: Apache-2.0
// A JSON text that was checked from its first byte to its last, and where in it which value stands.

/// A JSON text and the places of its values.
///
/// Nothing is read of a text that is not JSON throughout: then there is a ``ProtocolViolation`` in its place. The parser
/// does not recurse, nests no deeper than ``depthLimit``, and takes no object that has a key twice, however it is written.
final class JSONDocument: Sendable {
    /// How deep objects and arrays may nest, the outermost included.
    static let depthLimit = 64

    /// What a value is.
    enum Kind: UInt8, Sendable {
        case null, yes, no, number, string, array, object
    }

    /// Where a value stands.
    ///
    /// The values stand in the order of the text: an array before its elements, an object before its members, each of
    /// them a string, which is the key, and its value.
    struct Value {
        let kind: Kind
        /// Whether it is a string in which a character is escaped.
        var hasEscapes = false
        /// Where its text begins, and ends; a string's without the quotes.
        let start: UInt32
        var end: UInt32
        /// The place of the value that comes behind this one and all that is in it.
        var next: UInt32
    }

    /// The text.
    let text: [UInt8]
    /// Its values, of which the first is the whole.
    let values: [Value]
    /// Whether there is a space or a line end between two values, or around them.
    let hasSpaces: Bool

    /// Checks a text of less than 4 GiB.
    init(_ text: [UInt8]) throws(ProtocolViolation) {
        guard String(validating: text, as: UTF8.self) != nil else { throw .notUTF8 }
        var parser = JSONParser(text)
        try parser.parse()
        self.text = text
        values = parser.values
        hasSpaces = parser.hasSpaces
    }

    /// Checks a text that has to be an object.
    convenience init(message: [UInt8]) throws(ProtocolViolation) {
        guard message.first(where: { !JSONParser.isSpace($0) }) == UInt8(ascii: "{") else {
            throw String(validating: message, as: UTF8.self) == nil ? .notUTF8 : .notAnObject
        }
        try self.init(message)
    }

    /// The bytes of a value; a string's as they are written.
    func bytes(at place: Int) -> ArraySlice<UInt8> { text[Int(values[place].start)..<Int(values[place].end)] }

    /// The text that a string stands for.
    func string(at place: Int) -> String {
        let bytes = bytes(at: place)
        return String(decoding: values[place].hasEscapes ? JSONEscape.plain(bytes) : bytes, as: UTF8.self)
    }

    /// The members of an object, or the elements of an array: the places of their values.
    func children(of place: Int) -> Children { Children(document: self, container: place) }

    /// Where the value of a member of an object stands; it is looked for from a member's key on, and then from the first.
    func member(_ key: String, of object: Int, from start: Int) -> Int? {
        let end = Int(values[object].next)
        var key = key
        return key.withUTF8 { key in
            var place = start
            while place < end {
                if isKey(place, key) { return place + 1 }
                place = Int(values[place + 1].next)
            }
            place = object + 1
            while place < start {
                if isKey(place, key) { return place + 1 }
                place = Int(values[place + 1].next)
            }
            return nil
        }
    }

    private func isKey(_ place: Int, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        let written = values[place]
        if written.hasEscapes { return JSONEscape.plain(bytes(at: place)).elementsEqual(key) }
        let start = Int(written.start)
        guard Int(written.end) - start == key.count else { return false }
        for index in key.indices where text[start + index] != key[index] { return false }
        return true
    }

    /// The keys and positions that lead to a value from the outermost one.
    func path(to place: Int) -> [AnyKey] {
        var path: [AnyKey] = []
        var container = 0
        while container < place {
            let isObject = values[container].kind == .object
            for (index, child) in children(of: container).enumerated() where place < values[child].next {
                path.append(AnyKey(isObject ? string(at: child - 1) : "Index \(index)"))
                container = child
                break
            }
        }
        return path
    }

    /// The places of the values that an object or an array holds.
    struct Children: Sequence, IteratorProtocol {
        private let document: JSONDocument
        private let end: Int
        /// How many values a child takes before its own: its key.
        private let offset: Int
        private var place: Int

        init(document: JSONDocument, container: Int) {
            let value = document.values[container]
            self.document = document
            end = Int(value.next)
            offset = value.kind == .object ? 1 : 0
            place = container + 1
        }

        /// Whether there are no more.
        var isAtEnd: Bool { place >= end }

        mutating func next() -> Int? {
            guard place < end else { return nil }
            let child = place + offset
            place = Int(document.values[child].next)
            return child
        }
    }
}

/// The characters that stand in a JSON string as something else.
enum JSONEscape {
    /// The bytes that a string stands for, of which the escapes were checked.
    static func plain(_ written: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var plain: [UInt8] = []
        plain.reserveCapacity(written.count)
        var rest = written
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let name = rest.popFirst() else {
                plain.append(byte)
                continue
            }
            if name == UInt8(ascii: "u") {
                plain.append(contentsOf: String(unicode(&rest)).utf8)
            } else {
                plain.append(byName(name) ?? name)
            }
        }
        return plain[...]
    }

    /// What a letter behind a backslash stands for; nil if for nothing.
    static func byName(_ name: UInt8) -> UInt8? {
        switch name {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): name
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// The number that four hexadecimal digits make; nil if they are not.
    static func unit(_ digits: some Collection<UInt8>) -> UInt32? {
        guard digits.count == 4 else { return nil }
        return digits.reduce(UInt32?(0)) { unit, digit in
            let value: UInt8? =
                switch digit {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
                case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
                case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
                default: nil
                }
            guard let unit, let value else { return nil }
            return unit << 4 | UInt32(value)
        }
    }

    /// Whether a unit is the first, or the second, half of a pair.
    static func isHigh(_ unit: UInt32) -> Bool { (0xd800..<0xdc00).contains(unit) }
    static func isLow(_ unit: UInt32) -> Bool { (0xdc00..<0xe000).contains(unit) }

    /// The character whose digits come next, and those of its second half if it has one.
    private static func unicode(_ rest: inout ArraySlice<UInt8>) -> Unicode.Scalar {
        let first = unit(rest.prefix(4)) ?? 0xfffd
        rest = rest.dropFirst(4)
        guard isHigh(first) else { return Unicode.Scalar(first) ?? "\u{fffd}" }
        let second = unit(rest.dropFirst(2).prefix(4)) ?? 0xdc00
        rest = rest.dropFirst(6)
        return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)) ?? "\u{fffd}"
    }
}

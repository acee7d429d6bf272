// SPDX-License-Identifier: Apache-2.0
// The way from a JSON document to values of Decodable types.

/// Reads the value at one place of a document.
struct JSONReader: Decoder {
    let document: JSONDocument
    let place: Int

    var codingPath: [any CodingKey] { document.path(to: place) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try ObjectReader(document: document, place: place))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try ArrayReader(document: document, place: place) }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }
}

extension JSONReader: SingleValueDecodingContainer {
    func decodeNil() -> Bool { document.values[place].kind == .null }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try document.read(type, at: place) }
}

extension JSONDocument {
    /// The value at a place, as this type.
    func read<Value: Decodable>(_ type: Value.Type, at place: Int) throws -> Value {
        if let value = try scalar(type, at: place) { return value }
        return try Value(from: JSONReader(document: self, place: place))
    }

    /// The value at a place; nil if the type is none of those that JSON has by itself.
    private func scalar<Value>(_ type: Value.Type, at place: Int) throws -> Value? {
        if type == String.self {
            try require(type, .string, at: place)
            return string(at: place) as? Value
        }
        if type == Bool.self {
            guard values[place].kind != .no else { return false as? Value }
            try require(type, .yes, at: place)
            return true as? Value
        }
        if type == Int64.self { return try integer(Int64.self, at: place) as? Value }
        if type == UInt64.self { return try integer(UInt64.self, at: place) as? Value }
        if type == Int.self { return try integer(Int.self, at: place) as? Value }
        if type == Int32.self { return try integer(Int32.self, at: place) as? Value }
        if type == UInt32.self { return try integer(UInt32.self, at: place) as? Value }
        if type == UInt.self { return try integer(UInt.self, at: place) as? Value }
        if type == UInt16.self { return try integer(UInt16.self, at: place) as? Value }
        if type == UInt8.self { return try integer(UInt8.self, at: place) as? Value }
        if type == Int16.self { return try integer(Int16.self, at: place) as? Value }
        if type == Int8.self { return try integer(Int8.self, at: place) as? Value }
        if type == Double.self {
            guard let number = try number(type, at: place) else { throw mismatch(type, at: place) }
            return number as? Value
        }
        return nil
    }

    /// An integer: exact, and also where it is written with a fraction of zero or an exponent.
    private func integer<Number: FixedWidthInteger>(_ type: Number.Type, at place: Int) throws -> Number {
        try require(type, .number, at: place)
        let digits = text[Int(values[place].start)..<Int(values[place].end)]
        var isNegative = false
        var magnitude: UInt64 = 0
        for digit in digits {
            if digit == UInt8(ascii: "-"), !isNegative, magnitude == 0 {
                isNegative = true
                continue
            }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, tooLarge) = product.addingReportingOverflow(UInt64(digit &- UInt8(ascii: "0")))
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9"), !overflow, !tooLarge else {
                guard let number = try number(type, at: place), let exact = Number(exactly: number) else {
                    throw mismatch(type, at: place)
                }
                return exact
            }
            magnitude = sum
        }
        guard let exact = isNegative ? Number(exactly: 0 - Int128(magnitude)) : Number(exactly: magnitude) else {
            throw mismatch(type, at: place)
        }
        return exact
    }

    /// A number that is finite; nil if it is too large for that.
    private func number(_ type: Any.Type, at place: Int) throws -> Double? {
        try require(type, .number, at: place)
        return Double(String(decoding: bytes(at: place), as: UTF8.self)).flatMap { $0.isFinite ? $0 : nil }
    }

    private func require(_ type: Any.Type, _ kind: Kind, at place: Int) throws {
        if values[place].kind != kind { throw mismatch(type, at: place) }
    }

    /// The error of a value that is no such thing.
    func mismatch(_ type: Any.Type, at place: Int) -> DecodingError {
        let context = DecodingError.Context(codingPath: path(to: place), debugDescription: "it is no \(type)")
        return values[place].kind == .null ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }
}

/// Reads the members of an object.
private struct ObjectReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let document: JSONDocument
    let place: Int
    /// The members of an object that has many; of others they are looked for one by one.
    private let index: [String: Int]?
    private let expected: Expected

    /// Where the next key is expected: they are nearly always asked for in their order.
    private final class Expected {
        var place: Int
        init(_ place: Int) { self.place = place }
    }

    init(document: JSONDocument, place: Int) throws {
        guard document.values[place].kind == .object else {
            throw document.mismatch([String: JSONValue].self, at: place)
        }
        self.document = document
        self.place = place
        expected = Expected(place + 1)
        let members = document.children(of: place)
        // Each has two values at least.
        let isSmall = Int(document.values[place].next) - place <= 64
        index = isSmall ? nil : Dictionary(uniqueKeysWithValues: members.map { (document.string(at: $0 - 1), $0) })
    }

    var codingPath: [any CodingKey] { document.path(to: place) }
    var allKeys: [Key] {
        document.children(of: place).compactMap { Key(stringValue: document.string(at: $0 - 1)) }
    }

    private func find(_ key: Key) -> Int? {
        if let index { return index[key.stringValue] }
        let found = document.member(key.stringValue, of: place, from: expected.place)
        // The same again: whether a member is there is asked before what it is.
        if let found { expected.place = found - 1 }
        return found
    }

    private func member(_ key: Key) throws -> Int {
        if let member = find(key) { return member }
        let context = DecodingError.Context(codingPath: codingPath, debugDescription: "it is missing")
        throw DecodingError.keyNotFound(key, context)
    }

    func contains(_ key: Key) -> Bool { find(key) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { document.values[try member(key)].kind == .null }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try document.read(type, at: try member(key))
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        guard let member = find(key), document.values[member].kind != .null else { return nil }
        return try document.read(type, at: member)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try JSONReader(document: document, place: try member(key)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try ArrayReader(document: document, place: try member(key))
    }

    func superDecoder() -> any Decoder { JSONReader(document: document, place: place) }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        JSONReader(document: document, place: try member(key))
    }
}

/// Reads the elements of an array, one after the other.
private struct ArrayReader: UnkeyedDecodingContainer {
    let document: JSONDocument
    let place: Int
    private var rest: JSONDocument.Children
    private(set) var currentIndex = 0

    init(document: JSONDocument, place: Int) throws {
        guard document.values[place].kind == .array else { throw document.mismatch([JSONValue].self, at: place) }
        self.document = document
        self.place = place
        rest = document.children(of: place)
    }

    var codingPath: [any CodingKey] { document.path(to: place) }
    /// It is found out by reading.
    var count: Int? { nil }
    var isAtEnd: Bool { rest.isAtEnd }

    private mutating func element() throws -> Int {
        guard let element = rest.next() else {
            let context = DecodingError.Context(codingPath: codingPath, debugDescription: "there are no more elements")
            throw DecodingError.valueNotFound(JSONValue.self, context)
        }
        currentIndex += 1
        return element
    }

    mutating func decodeNil() throws -> Bool {
        var ahead = rest
        guard let element = ahead.next(), document.values[element].kind == .null else { return false }
        _ = try self.element()
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try document.read(type, at: try element())
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try JSONReader(document: document, place: try element()).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try ArrayReader(document: document, place: try element())
    }

    mutating func superDecoder() throws -> any Decoder { JSONReader(document: document, place: try element()) }
}

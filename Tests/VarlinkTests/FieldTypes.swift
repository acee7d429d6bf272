// SPDX-License-Identifier: Apache-2.0
// The fields of Swift types as an interface description would write them: types are asked what they decode.

internal import Varlink

/// The declarations that Swift types make, in the words of an interface description.
struct SwiftDeclarations {
    /// Each object that was met, with its fields.
    private(set) var objects: [String: IDL.Fields] = [:]
    /// Each enumeration that was met, with its values.
    private(set) var enumerations: [String: [String]] = [:]

    /// The fields of an object; the types that they are of are met.
    mutating func fields(of type: any VarlinkObject.Type) throws -> IDL.Fields {
        let notes = Notes()
        _ = try type.init(from: NotingDecoder(notes: notes, fillsOptionals: true))
        for used in notes.types { try meet(used) }
        return notes.fields
    }

    private mutating func meet(_ type: Any.Type) throws {
        let name = "\(type)"
        if let list = type as? any List.Type {
            try meet(list.elementType)
        } else if let object = type as? any VarlinkObject.Type, objects[name] == nil {
            objects[name] = [:]
            objects[name] = try fields(of: object)
        } else if let enumeration = type as? any Enumeration.Type {
            enumerations[name] = values(enumeration)
        }
    }
}

/// A value of an object type: with each optional field set, or with none.
func sample<Object: VarlinkObject>(of type: Object.Type, fillsOptionals: Bool) throws -> Object {
    try Object(from: NotingDecoder(notes: Notes(), fillsOptionals: fillsOptionals))
}

private typealias Enumeration = CaseIterable & RawRepresentable<String>

private func values<Type: Enumeration>(_ type: Type.Type) -> [String] { type.allCases.map(\.rawValue) }

private protocol List {
    static var elementType: Any.Type { get }
    static var empty: Self { get }
}

extension Array: List {
    fileprivate static var elementType: Any.Type { Element.self }
    fileprivate static var empty: [Element] { [] }
}

private struct NoDeclaration: Error {
    let type: Any.Type
}

/// What a type has asked its decoder for.
private final class Notes {
    var fields: IDL.Fields = [:]
    var optionals: Set<String> = []
    var types: [Any.Type] = []
}

/// The name that a description has for a type.
private func declaredName(_ type: Any.Type) -> String {
    switch type {
    case is String.Type: "string"
    case is Bool.Type: "bool"
    case is any FixedWidthInteger.Type: "int"
    case is any BinaryFloatingPoint.Type: "float"
    case let list as any List.Type: "[]" + declaredName(list.elementType)
    default: "\(type)"
    }
}

private struct NotingDecoder: Decoder {
    let notes: Notes
    let fillsOptionals: Bool
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(NotingContainer(notes: notes, fillsOptionals: fillsOptionals))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NoDeclaration(type: [Any].self) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NoDeclaration(type: Any.self) }
}

private struct NotingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let notes: Notes
    let fillsOptionals: Bool
    let codingPath: [any CodingKey] = []
    let allKeys: [Key] = []

    func contains(_ key: Key) -> Bool { true }

    /// Only what is optional is asked for its absence.
    func decodeNil(forKey key: Key) -> Bool {
        notes.optionals.insert(key.stringValue)
        return !fillsOptionals
    }

    func decode<Type: Decodable>(_ type: Type.Type, forKey key: Key) throws -> Type {
        let optional = notes.optionals.contains(key.stringValue) ? "?" : ""
        notes.fields[key.stringValue] = optional + declaredName(type)
        notes.types.append(type)
        let value: Any? =
            switch type {
            case is String.Type: "text"
            case is Bool.Type: true
            case let integer as any FixedWidthInteger.Type: integer.init(7)
            case let number as any BinaryFloatingPoint.Type: number.init(0.5)
            case let list as any List.Type: list.empty
            case let object as any VarlinkObject.Type:
                try object.init(from: NotingDecoder(notes: Notes(), fillsOptionals: fillsOptionals))
            case let enumeration as any Enumeration.Type: first(enumeration)
            default: nil
            }
        guard let value = value as? Type else { throw NoDeclaration(type: type) }
        return value
    }

    private func first<Value: Enumeration>(_ type: Value.Type) -> Value? { type.allCases.first }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw NoDeclaration(type: type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw NoDeclaration(type: [Any].self)
    }
    func superDecoder() throws -> any Decoder { throw NoDeclaration(type: Any.self) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw NoDeclaration(type: Any.self) }
}

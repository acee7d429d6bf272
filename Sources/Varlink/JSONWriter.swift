// SPDX-License-Identifier: Apache-2.0
// The way from values of Encodable types to JSON text.

/// Where values of Encodable types become text.
final class JSONOutput {
    // One access for each step: the checks of more cost more than the steps.
    fileprivate var buffer = JSONBuffer()

    /// The text so far.
    var bytes: [UInt8] { buffer.bytes }

    /// Writes a value.
    func write<Value: Encodable>(_ value: Value) throws {
        if try buffer.writeScalar(value) { return }
        let outer = buffer.begin()
        try value.encode(to: JSONWriter(output: self))
        buffer.end(outer)
    }
}

/// Writes one value.
///
/// A type writes its parts as values of their own: nested containers, which no type here wants, are not offered, and trap.
struct JSONWriter: Encoder {
    let output: JSONOutput

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        output.buffer.beginObject()
        return KeyedEncodingContainer(ObjectWriter(output: output))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        output.buffer.beginArray()
        return ArrayWriter(output: output)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    /// Writes a list of these elements: JSON on one line, with a comma between two.
    func write(list elements: [UInt8]) { output.buffer.write(list: elements) }
}

extension JSONWriter: SingleValueEncodingContainer {
    func encodeNil() { output.buffer.writeNull() }

    func encode<Value: Encodable>(_ value: Value) throws { try output.write(value) }
}

/// Writes the members of an object.
private struct ObjectWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let output: JSONOutput
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) {
        output.buffer.beginMember(key.stringValue)
        output.buffer.writeNull()
        output.buffer.endMember()
    }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        output.buffer.beginMember(key.stringValue)
        try output.write(value)
        output.buffer.endMember()
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { notOffered() }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { notOffered() }
    func superEncoder() -> any Encoder { notOffered() }
    func superEncoder(forKey key: Key) -> any Encoder { notOffered() }
}

/// Writes the elements of an array.
private struct ArrayWriter: UnkeyedEncodingContainer {
    let output: JSONOutput
    var codingPath: [any CodingKey] { [] }
    var count: Int { output.buffer.count }

    func encodeNil() {
        output.buffer.beginElement()
        output.buffer.writeNull()
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        output.buffer.beginElement()
        try output.write(value)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        notOffered()
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { notOffered() }
    func superEncoder() -> any Encoder { notOffered() }
}

private func notOffered() -> Never { preconditionFailure("a type writes its parts as values of their own") }

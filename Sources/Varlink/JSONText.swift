// SPDX-License-Identifier: Apache-2.0
// The only place that turns values into JSON text and JSON text into values.

/// Values as JSON text, and back.
package enum JSONText {
    /// The JSON of `value` in UTF-8, its keys sorted; on one line unless `pretty`.
    ///
    /// It contains no NUL byte.
    ///
    /// A value that has no JSON, which a number that is not finite is, is our bug, and traps.
    package static func encode(_ value: some Encodable, pretty: Bool = false) -> [UInt8] {
        let output = JSONOutput()
        do {
            try output.write(value)
        } catch {
            preconditionFailure("a value of type \(type(of: value)) has no JSON: \(error)")
        }
        guard pretty else { return output.bytes }
        var layout = JSONLayout()
        return layout.lines(of: output.bytes)
    }

    /// The value that `text` holds.
    ///
    /// Integers are exact over all 64 bits.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from document: JSONDocument
    ) throws(DecodingError) -> Value {
        do {
            return try document.read(type, at: 0)
        } catch let error as DecodingError {
            throw error
        } catch {
            throw .dataCorrupted(.init(codingPath: [], debugDescription: "\(error)"))
        }
    }

    /// As the other one, for a text that is not checked yet.
    package static func decode<Value: Decodable>(_ type: Value.Type, from text: [UInt8]) throws(DecodingError) -> Value
    {
        let document: JSONDocument
        do throws(ProtocolViolation) { document = try JSONDocument(text) } catch {
            throw .dataCorrupted(.init(codingPath: [], debugDescription: "\(error)"))
        }
        return try decode(type, from: document)
    }
}

/// A key of a JSON object of which the names are not known beforehand.
struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) {
        stringValue = name
    }

    init?(stringValue: String) {
        self.init(stringValue)
    }

    init?(intValue: Int) { nil }
}

extension DecodingError {
    /// What is wrong, in the parser's words.
    var reason: String {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context.debugDescription
        @unknown default: "\(self)"
        }
    }

    /// The keys that lead to the value that is wrong or missing.
    var path: [String] {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            context.codingPath.map(\.stringValue)
        case .keyNotFound(let key, let context): context.codingPath.map(\.stringValue) + [key.stringValue]
        @unknown default: []
        }
    }
}

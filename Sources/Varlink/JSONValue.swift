// SPDX-License-Identifier: Apache-2.0
// Any JSON value, for the fields of errors, whose types only their interface knows.

/// Any JSON value.
package enum JSONValue: Hashable, Sendable {
    /// No value.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number without a fraction, exact over all 64 bits.
    case integer(Int64)
    /// One that is larger than those: an id may be.
    case unsigned(UInt64)
    /// Any other number.
    case number(Double)
    /// Text.
    case string(String)
    /// Values in order.
    case array([JSONValue])
    /// Values by name.
    case object([String: JSONValue])

    /// The fields of an object, by name; those that are `nil` are left out.
    static func fields(of object: some VarlinkObject) -> [String: JSONValue] {
        do throws(DecodingError) {
            return try JSONText.decode([String: JSONValue].self, from: JSONText.encode(object))
        } catch {
            preconditionFailure("an object of type \(type(of: object)) is no JSON object: \(error)")
        }
    }

    /// The text, if this is one.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }
}

extension JSONValue: ExpressibleByStringLiteral {
    /// Text.
    package init(stringLiteral value: String) {
        self = .string(value)
    }
}

extension JSONValue: ExpressibleByIntegerLiteral {
    /// A number.
    package init(integerLiteral value: Int64) {
        self = .integer(value)
    }
}

extension JSONValue: Codable {
    /// Reads whatever is there, from JSON.
    package init(from decoder: any Decoder) throws {
        guard let reader = decoder as? JSONReader else { preconditionFailure("a JSON value is read from JSON") }
        self = try reader.document.anyValue(at: reader.place)
    }

    /// Writes the value as what it is.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSONDocument {
    /// The value at a place, as what it is; it nests no deeper than the document may.
    fileprivate func anyValue(at place: Int) throws -> JSONValue {
        switch values[place].kind {
        case .null: return .null
        case .yes: return .bool(true)
        case .no: return .bool(false)
        case .string: return .string(string(at: place))
        case .number:
            if let number = try? read(Int64.self, at: place) { return .integer(number) }
            if let number = try? read(UInt64.self, at: place) { return .unsigned(number) }
            return .number(try read(Double.self, at: place))
        case .array: return .array(try children(of: place).map(anyValue))
        case .object:
            let members = try children(of: place).map { (string(at: $0 - 1), try anyValue(at: $0)) }
            return .object(Dictionary(uniqueKeysWithValues: members))
        }
    }
}

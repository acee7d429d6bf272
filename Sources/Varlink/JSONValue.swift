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
    /// Reads whatever is there.
    ///
    /// It tries one kind after the other, which is slow for long input: use it for replies, not for calls.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            // A failure says only that it is of another kind: the next is tried.
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Writes the value as what it is.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

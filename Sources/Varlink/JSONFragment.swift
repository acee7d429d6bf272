// SPDX-License-Identifier: Apache-2.0
// A JSON value that is passed on as it came, without a value of Swift's in between.

/// Any JSON value, to be written again.
///
/// Of a text without spaces, which all of serverd's are, it is the bytes: thousands of values cost no more than their
/// copying. They were checked, and their keys keep their order.
package struct JSONFragment: Codable, Sendable {
    /// JSON on one line.
    private let bytes: [UInt8]

    /// Takes whatever is there, from JSON.
    package init(from decoder: any Decoder) throws {
        guard let reader = decoder as? JSONReader else { preconditionFailure("a JSON fragment is read from JSON") }
        bytes =
            reader.document.hasSpaces
            ? JSONText.encode(try JSONValue(from: decoder)) : reader.document.json(at: reader.place)
    }

    /// Writes the value as it came.
    package func encode(to encoder: any Encoder) throws {
        guard let writer = encoder as? JSONWriter else { preconditionFailure("a JSON fragment is written to JSON") }
        writer.write(bytes)
    }
}

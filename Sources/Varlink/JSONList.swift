// SPDX-License-Identifier: Apache-2.0
// A JSON list that is passed on as it came, without values of Swift's in between.

/// The elements of a JSON list, to be written again.
///
/// Of a text without spaces, which all of serverd's are, it is the bytes: thousands of elements cost no more than their
/// copying. They were checked, and their keys keep their order.
package struct JSONList: Codable, Sendable {
    /// The elements, JSON on one line, with a comma between two.
    package let elements: [UInt8]

    /// No elements.
    package init() { elements = [] }

    /// Takes whatever elements there are, from JSON.
    package init(from decoder: any Decoder) throws {
        guard let reader = decoder as? JSONReader else { preconditionFailure("a JSON list is read from JSON") }
        let (document, place) = (reader.document, reader.place)
        guard document.values[place].kind == .array else { throw document.mismatch(JSONList.self, at: place) }
        let list =
            document.hasSpaces ? JSONText.encode(try JSONValue(from: decoder))[...] : document.bytes(at: place)
        elements = Array(list.dropFirst().dropLast())
    }

    /// Writes the elements as they came.
    package func encode(to encoder: any Encoder) throws {
        guard let writer = encoder as? JSONWriter else { preconditionFailure("a JSON list is written to JSON") }
        writer.write(list: elements)
    }
}

// SPDX-License-Identifier: Apache-2.0
// What is checked of a message before the JSON parser sees it: its encoding, its depth, its number of members.

/// The outline of a message.
///
/// The JSON parser recurses, and does not tell that a key came twice. So depth is limited here, and the members are
/// counted here, to be compared with the keys that the parser saw. Only top-level keys are treated so: of a key that
/// comes twice inside the parameters, the parser's choice counts. What else the parser is lenient about, such as a comma
/// before a closing brace, stays so.
struct MessageShape {
    /// How deep objects and arrays may nest, the message itself included.
    static let depthLimit = 64
    /// How many members the message's own object has, if the message is JSON at all.
    private(set) var memberCount = 0

    /// Outlines a message.
    init(of message: some Collection<UInt8>) throws(ProtocolViolation) {
        guard String(validating: message, as: UTF8.self) != nil else { throw .notUTF8 }
        guard message.first(where: { !Self.isSpace($0) }) == UInt8(ascii: "{") else { throw .notAnObject }
        var depth = 0
        var inString = false
        var escaped = false
        for byte in message {
            if inString {
                (inString, escaped) = (escaped || byte != UInt8(ascii: "\""), !escaped && byte == UInt8(ascii: "\\"))
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: ":") where depth == 1: memberCount += 1
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            guard depth <= Self.depthLimit else { throw .nestedTooDeeply(limit: Self.depthLimit) }
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }
}

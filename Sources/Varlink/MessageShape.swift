// SPDX-License-Identifier: Apache-2.0
// What is checked of a message before the JSON parser sees it: its encoding, its depth, and what the parser is lenient in.

/// The check of a message's outline.
///
/// The JSON parser recurses, takes a comma before a closing brace, and does not tell that a key came twice. So depth is
/// limited here, separators stand where JSON has them, and no object has a key twice, however it is written. What the
/// values between them are is the parser's.
enum MessageShape {
    /// How deep objects and arrays may nest, the message itself included.
    static let depthLimit = 64

    /// Checks a message.
    static func check(_ message: [UInt8]) throws(ProtocolViolation) {
        guard String(validating: message, as: UTF8.self) != nil else { throw .notUTF8 }
        guard message.first(where: { !OutlineScanner.isSpace($0) }) == UInt8(ascii: "{") else { throw .notAnObject }
        var scanner = OutlineScanner(message)
        try scanner.scan()
    }
}

/// A walk through the separators, braces and strings of a JSON text.
private struct OutlineScanner {
    /// What may come next.
    private enum Awaited {
        case value, valueOrEnd, key, keyOrEnd, colon, separatorOrEnd, nothing
    }

    /// An object or array that is open: where its keys begin among all, or nil for an array.
    private typealias Container = Int?

    private let text: [UInt8]
    private var next = 0
    private var awaited = Awaited.value
    private var open: [Container] = []
    /// The keys of all open objects.
    private var keys: [ArraySlice<UInt8>] = []

    init(_ text: [UInt8]) {
        self.text = text
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    mutating func scan() throws(ProtocolViolation) {
        while next < text.count {
            let byte = text[next]
            if !Self.isSpace(byte) { try take(byte) }
            next += 1
        }
        guard awaited == .nothing else { throw .notJSON(reason: "it ends too early") }
    }

    private mutating func take(_ byte: UInt8) throws(ProtocolViolation) {
        switch byte {
        case UInt8(ascii: "{"): try begin(keys.count, awaiting: .keyOrEnd)
        case UInt8(ascii: "["): try begin(nil, awaiting: .valueOrEnd)
        case UInt8(ascii: "}"), UInt8(ascii: "]"): try end(isObject: byte == UInt8(ascii: "}"))
        case UInt8(ascii: ","):
            try require(awaited == .separatorOrEnd)
            awaited = open.last == .some(nil) ? .value : .key
        case UInt8(ascii: ":"):
            try require(awaited == .colon)
            awaited = .value
        case UInt8(ascii: "\""):
            let isKey = awaited == .key || awaited == .keyOrEnd
            let content = try string()
            if isKey {
                keys.append(try plain(content))
                awaited = .colon
            } else {
                try endValue()
            }
        default:
            // A number or a word: up to what cannot belong to one.
            while next + 1 < text.count, !Self.isSpace(text[next + 1]), !",:]}[{\"".utf8.contains(text[next + 1]) {
                next += 1
            }
            try endValue()
        }
    }

    private mutating func begin(_ container: Container, awaiting first: Awaited) throws(ProtocolViolation) {
        try require(awaited == .value || awaited == .valueOrEnd)
        guard open.count < MessageShape.depthLimit else { throw .nestedTooDeeply(limit: MessageShape.depthLimit) }
        open.append(container)
        awaited = first
    }

    private mutating func end(isObject: Bool) throws(ProtocolViolation) {
        try require(awaited == .separatorOrEnd || awaited == (isObject ? .keyOrEnd : .valueOrEnd))
        guard let container = open.popLast() else { return }
        try require((container != nil) == isObject)
        if let start = container {
            guard !Self.hasDouble(keys[start...]) else { throw .duplicateKey }
            keys.removeSubrange(start...)
        }
        awaited = open.isEmpty ? .nothing : .separatorOrEnd
    }

    private mutating func endValue() throws(ProtocolViolation) {
        try require(awaited == .value || awaited == .valueOrEnd)
        awaited = .separatorOrEnd
    }

    /// What stands between the quotes of the string that begins here; its end is the next byte.
    private mutating func string() throws(ProtocolViolation) -> ArraySlice<UInt8> {
        let start = next + 1
        next = start
        while next < text.count, text[next] != UInt8(ascii: "\"") { next += text[next] == UInt8(ascii: "\\") ? 2 : 1 }
        guard next < text.count else { throw .notJSON(reason: "a string has no end") }
        return text[start..<next]
    }

    /// The bytes that a key stands for.
    private func plain(_ key: ArraySlice<UInt8>) throws(ProtocolViolation) -> ArraySlice<UInt8> {
        guard key.contains(UInt8(ascii: "\\")) else { return key }
        let quote = [UInt8(ascii: "\"")]
        do throws(DecodingError) {
            return Array(try JSONText.decode(String.self, from: quote + key + quote).utf8)[...]
        } catch {
            throw .notJSON(reason: error.reason)
        }
    }

    private static func hasDouble(_ keys: ArraySlice<ArraySlice<UInt8>>) -> Bool {
        guard keys.count <= 16 else { return Set(keys).count < keys.count }
        // Most objects are small: no table is built for them.
        return keys.indices.contains { index in keys[(index + 1)...].contains(keys[index]) }
    }

    private func require(_ isInPlace: Bool) throws(ProtocolViolation) {
        if !isInPlace { throw .notJSON(reason: "byte \(next) does not belong there") }
    }
}

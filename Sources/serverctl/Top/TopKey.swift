// SPDX-License-Identifier: Apache-2.0
// What a terminal sends when a key is pressed, as keys.

/// A key, as far as `serverctl top` has a use for it.
enum TopKey: Equatable {
    /// One that writes a character, which a terminal may show as it is.
    case character(Unicode.Scalar)
    case up, down, pageUp, pageDown, home, end
    case enter, escape, backspace
    /// Ctrl-U, which erases a line of input.
    case eraseLine
    /// Ctrl-L, which has the screen drawn anew.
    case redraw
    /// Ctrl-C.
    case interrupt
    /// Ctrl-Z.
    case suspend
}

/// Makes keys of the bytes that a terminal sends.
struct TopKeyDecoder {
    /// What has come of a key that is not there as a whole.
    private var pending: [UInt8] = []

    /// Whether a key has begun: a lone Escape is told from the beginning of another key only by what does not follow.
    var isInKey: Bool { !pending.isEmpty }

    /// Takes bytes, and returns the keys that they complete; what is none of ours is skipped.
    mutating func decode(_ bytes: some Sequence<UInt8>) -> [TopKey] {
        pending += bytes
        var keys: [TopKey] = []
        while let (key, length) = Self.first(pending[...]) {
            pending.removeFirst(length)
            if let key { keys.append(key) }
        }
        return keys
    }

    /// Nothing more follows for now: what has begun with Escape was that key.
    mutating func flush() -> [TopKey] {
        defer { pending = [] }
        return pending == [0x1b] ? [.escape] : []
    }

    /// The first key and its length; `nil` while it is not there as a whole.
    private static func first(_ bytes: ArraySlice<UInt8>) -> (TopKey?, Int)? {
        guard let first = bytes.first else { return nil }
        switch first {
        case 0x1b: return sequence(bytes)
        case 0x03: return (.interrupt, 1)
        case 0x0c: return (.redraw, 1)
        case 0x0d, 0x0a: return (.enter, 1)
        case 0x15: return (.eraseLine, 1)
        case 0x1a: return (.suspend, 1)
        case 0x08, 0x7f: return (.backspace, 1)
        case 0..<0x20: return (nil, 1)
        default: return character(bytes)
        }
    }

    private static func character(_ bytes: ArraySlice<UInt8>) -> (TopKey?, Int)? {
        let first = bytes[bytes.startIndex]
        let length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
        guard bytes.count >= length else { return nil }
        guard let text = String(validating: bytes.prefix(length), as: UTF8.self), let scalar = text.unicodeScalars.first
        else { return (nil, 1) }
        return (.character(scalar), length)
    }

    /// The key that is sent as Escape with something behind it: `ESC [ A`, `ESC O A`, `ESC [ 5 ~`.
    private static func sequence(_ bytes: ArraySlice<UInt8>) -> (TopKey?, Int)? {
        guard bytes.count >= 2 else { return nil }
        let second = bytes[bytes.startIndex + 1]
        guard second == UInt8(ascii: "[") || second == UInt8(ascii: "O") else { return (.escape, 1) }
        // Parameters, then one byte that ends it; whatever else comes there is none of it.
        guard let end = bytes.dropFirst(2).firstIndex(where: { !(0x20..<0x40).contains($0) }) else {
            return bytes.count < 16 ? nil : (nil, bytes.count)
        }
        let length = end - bytes.startIndex + 1
        let parameters = String(decoding: bytes[(bytes.startIndex + 2)..<end], as: UTF8.self)
        return (named(parameters, bytes[end]), length)
    }

    private static func named(_ parameters: String, _ last: UInt8) -> TopKey? {
        switch (last, parameters) {
        case (UInt8(ascii: "A"), _): .up
        case (UInt8(ascii: "B"), _): .down
        case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): .home
        case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): .end
        case (UInt8(ascii: "~"), "5"): .pageUp
        case (UInt8(ascii: "~"), "6"): .pageDown
        default: nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The memory in which the variables of one connection are written; it is used again for the next one.

internal import Glibc
internal import Policy

/// Variables one after the other, each with its NUL, and where each begins.
///
/// Once it is as large as a connection needs, writing costs no allocation. The memory is its own, and stays where it
/// is while nothing is added: a child reads it while its parent goes on.
struct EnvironmentBlock: ~Copyable {
    private var text = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 1024)
    private var length = 0
    private var starts: [Int] = []
    private var pointers = UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 32)

    deinit {
        text.deallocate()
        pointers.deallocate()
    }

    /// The variables, as text.
    var variables: [String] {
        starts.map { start in
            String(decoding: text[start..<length].prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    /// Forgets all variables and keeps the memory.
    mutating func removeAll() {
        length = 0
        starts.removeAll(keepingCapacity: true)
    }

    /// Adds a variable that is known in advance: `NAME=value`.
    mutating func add(_ variable: StaticString) {
        begin(variable)
        append(CChar(0))
    }

    /// Adds a variable with a number as its value.
    mutating func add(_ name: StaticString, _ number: UInt64) {
        begin(name)
        append(number)
        append(CChar(0))
    }

    /// Adds a variable with text as its value.
    ///
    /// A NUL in it would end it.
    mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        var value = value
        value.withUTF8 { append($0) }
        append(CChar(0))
    }

    /// Adds a variable with an address as its value, in the form that ``Policy/IPAddress`` describes itself.
    mutating func add(_ name: StaticString, _ address: IPAddress) {
        begin(name)
        switch address {
        case .v4(let bits):
            for octet in 0..<4 as Range<UInt32> {
                if octet > 0 { append(CChar(UInt8(ascii: "."))) }
                append(UInt64(bits >> (24 - 8 * octet) & 255))
            }
        case .v6(let high, let low, let zone):
            append(high, low)
            guard zone != 0 else { break }
            append(CChar(UInt8(ascii: "%")))
            append(UInt64(zone))
        }
        append(CChar(0))
    }

    /// The array that execve takes: `base`, then the variables, then the end.
    ///
    /// It is the block's, and holds until the block is changed or given up.
    mutating func pointers(
        after base: [UnsafeMutablePointer<CChar>?]
    ) -> UnsafePointer<UnsafeMutablePointer<CChar>?> {
        let count = base.count + starts.count + 1
        if pointers.count < count {
            pointers.deallocate()
            pointers = .allocate(capacity: count)
        }
        guard let values = text.baseAddress, let first = pointers.baseAddress else {
            preconditionFailure("the block's memory is never empty")
        }
        for (index, variable) in base.enumerated() { pointers.initializeElement(at: index, to: variable) }
        for (index, start) in starts.enumerated() {
            pointers.initializeElement(at: base.count + index, to: values + start)
        }
        pointers.initializeElement(at: count - 1, to: nil)
        return UnsafePointer(first)
    }

    private mutating func begin(_ name: StaticString) {
        starts.append(length)
        name.withUTF8Buffer { append($0) }
    }

    private mutating func append(_ byte: CChar) {
        reserve(1)
        text.initializeElement(at: length, to: byte)
        length += 1
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        reserve(bytes.count)
        for byte in bytes {
            text.initializeElement(at: length, to: CChar(bitPattern: byte))
            length += 1
        }
    }

    private mutating func reserve(_ count: Int) {
        guard length + count > text.count else { return }
        let larger = UnsafeMutableBufferPointer<CChar>.allocate(capacity: max(2 * text.count, length + count))
        _ = larger.initialize(fromContentsOf: text[..<length])
        text.deallocate()
        text = larger
    }

    private mutating func append(_ number: UInt64) {
        var digits = InlineArray<20, CChar>(repeating: 0)
        var first = 20
        var rest = number
        repeat {
            first -= 1
            digits[first] = CChar(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        for index in first..<20 { append(digits[index]) }
    }

    private mutating func append(_ high: UInt64, _ low: UInt64) {
        var halves = (high.bigEndian, low.bigEndian)
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let start = inet_ntop(AF_INET6, &halves, buffer.baseAddress, socklen_t(buffer.count))
            precondition(start != nil, "inet_ntop of 16 bytes into \(buffer.count) cannot fail")
            for character in buffer.prefix(while: { $0 != 0 }) { append(character) }
        }
    }
}

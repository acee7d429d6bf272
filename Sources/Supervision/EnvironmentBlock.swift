// SPDX-License-Identifier: Apache-2.0
// The memory in which the variables of one connection are written; it is used again for the next one.

internal import Glibc
internal import Policy

/// Variables one after the other, each with its NUL, and where each begins.
///
/// Once it is as large as a connection needs, writing costs no allocation.
struct EnvironmentBlock {
    private var text: [CChar] = []
    private var starts: [Int] = []
    private var pointers: [UnsafeMutablePointer<CChar>?] = []

    /// The variables, as text.
    var variables: [String] {
        starts.map { start in
            String(decoding: text[start...].prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    /// Forgets all variables and keeps the memory.
    mutating func removeAll() {
        text.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
    }

    /// Adds a variable that is known in advance: `NAME=value`.
    mutating func add(_ variable: StaticString) {
        begin(variable)
        text.append(0)
    }

    /// Adds a variable with a number as its value.
    mutating func add(_ name: StaticString, _ number: UInt64) {
        begin(name)
        append(number)
        text.append(0)
    }

    /// Adds a variable with text as its value.
    ///
    /// A NUL in it would end it.
    mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        var value = value
        value.withUTF8 { append($0) }
        text.append(0)
    }

    /// Adds a variable with an address as its value, in the form that ``Policy/IPAddress`` describes itself.
    mutating func add(_ name: StaticString, _ address: IPAddress) {
        begin(name)
        switch address {
        case .v4(let bits):
            for octet in 0..<4 as Range<UInt32> {
                if octet > 0 { text.append(CChar(UInt8(ascii: "."))) }
                append(UInt64(bits >> (24 - 8 * octet) & 255))
            }
        case .v6(let high, let low, let zone):
            append(high, low)
            guard zone != 0 else { break }
            text.append(CChar(UInt8(ascii: "%")))
            append(UInt64(zone))
        }
        text.append(0)
    }

    /// Calls `body` with the array that execve takes: `base`, then the variables, then the end.
    mutating func withPointers<Result>(
        after base: [UnsafeMutablePointer<CChar>?],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        pointers.removeAll(keepingCapacity: true)
        pointers.append(contentsOf: base)
        return text.withUnsafeMutableBufferPointer { text in
            for start in starts { pointers.append(text.baseAddress.map { $0 + start }) }
            pointers.append(nil)
            return pointers.withUnsafeBufferPointer { pointers in
                guard let first = pointers.baseAddress else { preconditionFailure("there is at least the end") }
                return body(first)
            }
        }
    }

    private mutating func begin(_ name: StaticString) {
        starts.append(text.count)
        name.withUTF8Buffer { append($0) }
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        bytes.withMemoryRebound(to: CChar.self) { text.append(contentsOf: $0) }
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
        for index in first..<20 { text.append(digits[index]) }
    }

    private mutating func append(_ high: UInt64, _ low: UInt64) {
        var halves = (high.bigEndian, low.bigEndian)
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let start = inet_ntop(AF_INET6, &halves, buffer.baseAddress, socklen_t(buffer.count))
            precondition(start != nil, "inet_ntop of 16 bytes into \(buffer.count) cannot fail")
            text.append(contentsOf: buffer.prefix { $0 != 0 })
        }
    }
}

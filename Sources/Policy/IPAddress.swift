// SPDX-License-Identifier: Apache-2.0
// An IPv4 or IPv6 address as a value: its text both ways.

internal import Glibc

/// An IPv4 or IPv6 address.
public enum IPAddress: Hashable, Sendable {
    /// An IPv4 address; the first octet is the most significant byte.
    case v4(UInt32)
    /// An IPv6 address as two halves, the first group most significant; `zone` is the interface index of a
    /// link-local address, else 0.
    case v6(high: UInt64, low: UInt64, zone: UInt32)

    /// All IPv4 addresses, `0.0.0.0`.
    public static let anyV4 = IPAddress.v4(0)
    /// All IPv6 addresses, `::`.
    public static let anyV6 = IPAddress.v6(high: 0, low: 0, zone: 0)
    /// `127.0.0.1`.
    public static let loopbackV4 = IPAddress.v4(0x7f00_0001)
    /// `::1`.
    public static let loopbackV6 = IPAddress.v6(high: 0, low: 1, zone: 0)

    /// Whether this is an IPv6 address.
    public var isV6: Bool {
        if case .v6 = self { true } else { false }
    }

    /// The IPv4 address inside an IPv4-mapped IPv6 one (`::ffff:a.b.c.d`), otherwise the address itself.
    public var unmapped: IPAddress {
        guard case .v6(high: 0, let low, _) = self, low >> 32 == 0xffff else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }

    /// Reads `192.0.2.1`, `2001:db8::1` or `fe80::1%2`; a zone is an interface's index or its name on this machine.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        let address = String(parts[0])
        guard !address.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if parts.count == 1, inet_pton(AF_INET, address, &v4) == 1 {
            self = .v4(UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, address, &v6) == 1 else { return nil }
        var zone: UInt32 = 0
        if parts.count == 2 {
            guard let index = Self.zone(String(parts[1])) else { return nil }
            zone = index
        }
        self = withUnsafeBytes(of: v6) { bytes in
            .v6(
                high: UInt64(bigEndian: bytes.load(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self)), zone: zone)
        }
    }

    /// The interface index that `text` writes in digits or names.
    private static func zone(_ text: String) -> UInt32? {
        // C would read only what stands before a NUL; Swift would take a sign for part of a number.
        guard !text.utf8.contains(0) else { return nil }
        let isNumber = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let index = isNumber ? UInt32(text) : if_nametoindex(text)
        return index == 0 ? nil : index
    }
}

extension IPAddress: CustomStringConvertible {
    /// The usual text: `192.0.2.1`, `2001:db8::1`, `fe80::1%2`.
    public var description: String {
        switch self {
        case .v4(let bits):
            // Without a piece for each number: lists show thousands.
            return String(unsafeUninitializedCapacity: 15) { buffer in
                var count = 0
                let append = { (byte: UInt32) in
                    buffer[count] = UInt8(truncatingIfNeeded: byte)
                    count += 1
                }
                for shift in stride(from: UInt32(24), through: 0, by: -8) {
                    let number = bits >> shift & 255
                    if number >= 100 { append(0x30 + number / 100) }
                    if number >= 10 { append(0x30 + number / 10 % 10) }
                    append(0x30 + number % 10)
                    if shift > 0 { append(0x2e) }
                }
                return count
            }
        case .v6(let high, let low, let zone):
            var halves = (high.bigEndian, low.bigEndian)
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
                guard let start = inet_ntop(AF_INET6, &halves, buffer.baseAddress, socklen_t(buffer.count)) else {
                    preconditionFailure("inet_ntop of 16 bytes into \(buffer.count) cannot fail")
                }
                return String(cString: start)
            }
            return zone == 0 ? text : "\(text)%\(zone)"
        }
    }
}

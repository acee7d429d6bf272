// SPDX-License-Identifier: Apache-2.0
// A range of addresses with a common prefix: its text, and what lies in it.

/// A network of IPv4 or IPv6 addresses, in the notation of CIDR.
package struct Network: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64
    private let isV6: Bool
    /// How many leading bits its addresses share.
    package let prefixLength: Int

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or a single address; nil for what is none of these.
    ///
    /// Bits behind the prefix must be 0: `192.0.2.1/24` is more likely a mistake than a network. There are no zones.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0])?.unmapped else { return nil }
        (high, low, isV6) = Self.bits(of: address)
        let longest = isV6 ? 128 : 32
        if case .v6(_, _, let zone) = address, zone != 0 { return nil }
        guard parts.count == 2 else {
            prefixLength = longest
            return
        }
        let isNumber = !parts[1].isEmpty && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, let length = Int(parts[1]), length <= longest else { return nil }
        prefixLength = length
        let (highMask, lowMask) = mask
        guard high & ~highMask == 0, low & ~lowMask == 0 else { return nil }
    }

    /// Whether an address lies in it; an IPv4 address is the same mapped into IPv6 or not.
    package func contains(_ address: IPAddress) -> Bool {
        let (otherHigh, otherLow, otherIsV6) = Self.bits(of: address.unmapped)
        let (highMask, lowMask) = mask
        return isV6 == otherIsV6 && (high ^ otherHigh) & highMask == 0 && (low ^ otherLow) & lowMask == 0
    }

    // IPv4 stands at the top, so that prefixes of both families count from the same end.
    private static func bits(of address: IPAddress) -> (high: UInt64, low: UInt64, isV6: Bool) {
        switch address {
        case .v4(let bits): (UInt64(bits) << 32, 0, false)
        case .v6(let high, let low, _): (high, low, true)
        }
    }

    private var mask: (high: UInt64, low: UInt64) {
        // Shifts by 64 and more give 0.
        (~0 << UInt64(max(0, 64 - prefixLength)), prefixLength > 64 ? ~0 << UInt64(128 - prefixLength) : 0)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Reads an IP address with a port as people write it, and says what is wrong with what is not one.

/// What is wrong with a text that was to be an IP address with a port.
package enum InetAddressMistake: Error, Equatable, Sendable {
    /// There is no `:PORT` at the end.
    case noPort
    /// What stands where the port belongs, which is not a number from 0 to 65535.
    case badPort(String)
    /// An IPv6 address stands without its brackets: where it ends and the port begins is anyone's guess.
    case needsBrackets
    /// What stands where the address belongs, which is not an IP address.
    case badAddress(String)
}

extension InetAddress {
    /// Reads `192.0.2.1:79`, `[2001:db8::1]:79` or `[fe80::1%eth0]:79`.
    package init(parsing text: String) throws(InetAddressMistake) {
        guard let colon = text.lastIndex(of: ":") else { throw .noPort }
        var host = text[..<colon]
        let portText = text[text.index(after: colon)...]
        let isBracketed = host.first == "[" && host.last == "]" && host.count >= 2
        if isBracketed {
            host = host.dropFirst().dropLast()
        } else if text.first == "[" {
            if text.last == "]" { throw .noPort }
            throw .badAddress(String(host))
        } else if host.contains(":") {
            throw .needsBrackets
        }
        guard let ip = IPAddress(host), ip.isV6 == isBracketed else { throw .badAddress(String(host)) }
        guard let port = Self.port(portText) else { throw .badPort(String(portText)) }
        self.init(ip: ip, port: port)
    }

    /// Reads a port: decimal digits, no sign, at most 65535.
    package static func port(_ text: some StringProtocol) -> UInt16? {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard !text.isEmpty, text.utf8.count <= 5, text.utf8.allSatisfy(digits.contains) else { return nil }
        return UInt16(text)
    }
}

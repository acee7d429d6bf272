// SPDX-License-Identifier: Apache-2.0
// The address of one end of a stream socket, of the Internet or of a Unix socket, as a value.

/// An IP address with a port.
public struct InetAddress: Hashable, Sendable {
    /// The IP address.
    public var ip: IPAddress
    /// The port; 0 lets the system choose one when it is bound.
    public var port: UInt16

    /// An address from its two parts.
    public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

extension InetAddress: CustomStringConvertible {
    /// `192.0.2.1:79`, `[2001:db8::1]:79`.
    public var description: String { ip.isV6 ? "[\(ip)]:\(port)" : ip.description + ":" + String(port) }
}

/// The address of a Unix socket.
public enum UnixAddress: Hashable, Sendable {
    /// A socket with no name: nearly every client.
    case unnamed
    /// A socket file.
    case path(String)
    /// A name in Linux's abstract namespace, without its leading NUL.
    case abstract([UInt8])
}

extension UnixAddress: CustomStringConvertible {
    /// The path, a relative one with `./`; `@name` for an abstract name; `unix` when there is no name.
    ///
    /// Bytes that are not printable ASCII are written `\xNN`, so that an address never disturbs a terminal or a log.
    public var description: String {
        switch self {
        case .unnamed: "unix"
        // A relative path may look like any other address.
        case .path(let path): (path.hasPrefix("/") ? "" : "./") + Self.printable(path.utf8)
        case .abstract(let name): "@" + Self.printable(name)
        }
    }

    private static func printable(_ bytes: some Collection<UInt8>) -> String {
        if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(decoding: bytes, as: UTF8.self) }
        var text = ""
        for byte in bytes {
            if (0x20..<0x7f).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }
}

/// The address of either kind of stream socket.
public enum SocketAddress: Hashable, Sendable {
    /// Of the Internet, IPv4 or IPv6.
    case inet(InetAddress)
    /// Of a Unix socket.
    case unix(UnixAddress)
}

extension SocketAddress: CustomStringConvertible {
    /// The text of the address inside.
    public var description: String {
        switch self {
        case .inet(let address): address.description
        case .unix(let address): address.description
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// What people write wrongly for an address to listen on, and how to tell them.

/// What is wrong with a text that was to be an address to listen on.
package enum ListenAddressMistake: Error, Equatable, Sendable {
    /// It has none of the forms.
    case notAnAddress(String)
    /// An IP address without a port.
    case noPort(String)
    /// What stands for the port is not a number from 0 to 65535.
    case badPort(String)
    /// An IPv6 address without brackets.
    case needsBrackets(String)
    /// `*:79` or `:79`: the port is given.
    case wildcard(port: String)
    /// What stands for the IP address is not one; a host's name, perhaps.
    case badHost(String, port: String)
    /// A path that does not begin with `/`.
    case relativePath(String)
    /// A path or an abstract name with this many bytes.
    case pathTooLong(Int)
    /// A name that systemd gives no descriptor.
    case badDescriptorName(String)
}

extension ListenAddressMistake {
    /// What is wrong.
    var message: String {
        switch self {
        case .notAnAddress(let text): "\(quoted(text)) is not an address to listen on"
        case .noPort(let text): "\(quoted(text)) has no port"
        case .badPort(let port): "\(quoted(port)) is not a port"
        case .needsBrackets(let text): "the IPv6 address in \(quoted(text)) has no brackets around it"
        case .wildcard: "`*` is not an address"
        case .badHost(let host, _): "\(quoted(host)) is not an IP address"
        case .relativePath(let path): "\(quoted(path)) is not an absolute path"
        case .pathTooLong(let length): "the name of a Unix socket has \(length) bytes"
        case .badDescriptorName(let name): "\(quoted(name)) cannot be the name of a descriptor"
        }
    }

    /// What was expected.
    var expected: String {
        switch self {
        case .notAnAddress:
            "a port, IPV4:PORT, [IPV6]:PORT, /path/of/a/socket, @abstract-name or fd:NAME"
        case .noPort: "IPV4:PORT or [IPV6]:PORT"
        case .badPort: "a number from 0 to 65535; 0 lets the system choose"
        case .needsBrackets: "[IPV6]:PORT"
        case .wildcard: "the port alone, which means every address of the machine"
        case .badHost: "an IPv4 address, or an IPv6 address in brackets; host names are not looked up"
        case .relativePath: "a path that begins with /"
        case .pathTooLong: "at most \(ListenAddress.maximumPathLength) bytes, which is all the kernel takes"
        case .badDescriptorName:
            "1 to \(ListenAddress.maximumNameLength) printable ASCII characters without a colon"
        }
    }

    /// What was probably meant.
    var suggestion: String? {
        switch self {
        case .wildcard(let port) where !port.isEmpty: port
        case .badHost("localhost", let port): "127.0.0.1:\(port)"
        case .needsBrackets(let text):
            text.lastIndex(of: ":").map { "[\(text[..<$0])]:\(text[text.index(after: $0)...])" }
                .flatMap { (try? ListenAddress(parsing: $0)) == nil ? nil : $0 }
        default: nil
        }
    }
}

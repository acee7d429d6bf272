// SPDX-License-Identifier: Apache-2.0
// Where a service listens: the value, and its text as systemd writes it.

package import Policy

/// Where a service listens.
///
/// It is guaranteed that the address can be asked for: a path is absolute and fits into the kernel's structure, a name
/// of an inherited descriptor is one that systemd can give.
package struct ListenAddress: Hashable, Sendable {
    /// The longest path of a Unix socket, in bytes: `sun_path` without its final NUL.
    package static let maximumPathLength = 107
    /// The longest name of an inherited descriptor, in bytes (sd_listen_fds_with_names(3)).
    package static let maximumNameLength = 255

    /// The kinds of address.
    package enum Kind: Hashable, Sendable {
        /// One address of the Internet.
        case inet(InetAddress)
        /// This port of every address of the machine, IPv4 and IPv6.
        case everyAddress(port: UInt16)
        /// A socket file or an abstract name; never without a name.
        case unix(UnixAddress)
        /// A listening descriptor that systemd hands over by this name.
        case inherited(name: String)
    }

    /// The address.
    package let kind: Kind

    private init(_ kind: Kind) { self.kind = kind }

    /// Whether the system chooses the port: several listeners may have this address then.
    package var hasChosenPort: Bool {
        switch kind {
        case .inet(let address): address.port == 0
        case .everyAddress(let port): port == 0
        case .unix, .inherited: false
        }
    }

    /// One address of the Internet.
    ///
    /// An IPv4-mapped IPv6 address is the IPv4 address inside it.
    package static func inet(_ address: InetAddress) -> ListenAddress {
        ListenAddress(.inet(InetAddress(ip: address.ip.unmapped, port: address.port)))
    }

    /// This port of every address of the machine; 0 lets the system choose one.
    package static func everyAddress(port: UInt16) -> ListenAddress {
        ListenAddress(.everyAddress(port: port))
    }

    /// A socket file at an absolute path.
    package static func socketFile(_ path: String) throws(ListenAddressMistake) -> ListenAddress {
        guard path.utf8.first == UInt8(ascii: "/") else { throw .relativePath(path) }
        guard path.utf8.last != UInt8(ascii: "/"), !path.utf8.contains(0) else { throw .notAnAddress(path) }
        guard path.utf8.count <= maximumPathLength else { throw .pathTooLong(path.utf8.count) }
        return ListenAddress(.unix(.path(path)))
    }

    /// A name in Linux's abstract namespace, written without the leading `@`.
    package static func abstract(_ name: String) throws(ListenAddressMistake) -> ListenAddress {
        guard !name.isEmpty, !name.utf8.contains(0) else { throw .notAnAddress("@" + name) }
        guard name.utf8.count <= maximumPathLength else { throw .pathTooLong(name.utf8.count) }
        return ListenAddress(.unix(.abstract(Array(name.utf8))))
    }

    /// A descriptor that systemd hands over by this name.
    package static func inherited(_ name: String) throws(ListenAddressMistake) -> ListenAddress {
        let isPlain = name.utf8.allSatisfy { (0x20..<0x7f).contains($0) && $0 != UInt8(ascii: ":") }
        guard isPlain, (1...maximumNameLength).contains(name.utf8.count) else { throw .badDescriptorName(name) }
        return ListenAddress(.inherited(name: name))
    }

    /// Whether it is a Unix socket, be it a file or an abstract name.
    package var isUnix: Bool {
        if case .unix = kind { true } else { false }
    }

    /// Whether it is of one interface, whose number stands for a name that another one may have later.
    package var hasZone: Bool {
        if case .inet(let inet) = kind, case .v6(_, _, let zone) = inet.ip { zone != 0 } else { false }
    }

    /// Whether there will be a socket file, to which the keys `socket_…` apply.
    package var isSocketFile: Bool {
        if case .unix(.path) = kind { true } else { false }
    }
}

extension ListenAddress {
    /// Reads `79` (this port of every address), `127.0.0.1:79`, `[::1]:79`, `/run/x.sock`, `@name` or `fd:NAME`.
    package init(parsing text: String) throws(ListenAddressMistake) {
        if text.hasPrefix("/") {
            self = try .socketFile(text)
        } else if text.hasPrefix("@") {
            self = try .abstract(String(text.dropFirst()))
        } else if text.hasPrefix("fd:") {
            self = try .inherited(String(text.dropFirst(3)))
        } else if !text.isEmpty, text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) {
            guard let port = InetAddress.port(text) else { throw .badPort(text) }
            self = .everyAddress(port: port)
        } else {
            self = .inet(try Self.inetAddress(text))
        }
    }

    private static func inetAddress(_ text: String) throws(ListenAddressMistake) -> InetAddress {
        do {
            return try InetAddress(parsing: text)
        } catch {
            switch error {
            case .noPort:
                // A path without its slash is likelier than an address when there is one further on.
                if text.contains("/") { throw .relativePath(text) }
                let isAddress = IPAddress(text.trimmingPrefix("[").prefix { $0 != "]" }) != nil
                throw isAddress ? .noPort(text) : .notAnAddress(text)
            case .badPort(let port): throw .badPort(port)
            case .needsBrackets: throw .needsBrackets(text)
            case .badAddress(let host):
                let port = text.lastIndex(of: ":").map { String(text[text.index(after: $0)...]) } ?? ""
                throw host.isEmpty || host == "*" ? .wildcard(port: port) : .badHost(host, port: port)
            }
        }
    }
}

extension ListenAddress: CustomStringConvertible {
    /// The address as the configuration writes it.
    package var description: String {
        switch kind {
        case .inet(let address): address.description
        case .everyAddress(let port): "\(port)"
        case .unix(let address): address.description
        case .inherited(let name): "fd:\(name)"
        }
    }
}

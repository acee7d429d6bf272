// SPDX-License-Identifier: Apache-2.0
// Where a server listens, and what it therefore calls its clients' addresses and its own.

package import Descriptors
public import Policy
package import Sockets

/// Where a server listens: the original's `Where_to_listen.t`.
public struct WhereToListen<Address: Sendable, ListeningOn: Sendable>: Sendable {
    enum Place: Sendable {
        case bind(BindAddress, SocketFileOptions?)
        case inherited(CInt)
        case succeeded(CInt, UnixSocketFile?)
    }

    /// The sockets that fit; an inherited one may be another.
    enum Family: String, Sendable {
        case inet = "an Internet socket"
        case unix = "a Unix socket"
        case either = "a stream socket"

        func includes(_ address: SocketAddress) -> Bool {
            switch (self, address) {
            case (.either, _), (.inet, .inet), (.unix, .unix): true
            case (.inet, .unix), (.unix, .inet): false
            }
        }
    }

    let place: Place
    let family: Family
    let address: @Sendable (SocketAddress) -> Address
    let listeningOn: @Sendable (SocketAddress) -> ListeningOn
}

extension WhereToListen where Address == InetAddress, ListeningOn == UInt16 {
    /// All addresses of this machine, IPv4 and IPv6, on one port: `of_port`.
    ///
    /// Port 0 is chosen by the system.
    public static func port(_ port: UInt16) -> Self { Self(inet: .bind(.everyAddress(port: port), nil)) }

    /// All addresses, on a port that the system chooses: `of_port_chosen_by_os`.
    public static var portChosenByOS: Self { port(0) }

    /// One address.
    ///
    /// An IPv6 one takes IPv6 only.
    public static func address(_ address: InetAddress) -> Self { Self(inet: .bind(.address(.inet(address)), nil)) }

    /// A bound, perhaps listening TCP socket that this process was given.
    ///
    /// The server owns the descriptor from the call of `create` on, also when that fails.
    public static func inherited(_ descriptor: Int32) -> Self { Self(inet: .inherited(descriptor)) }

    private init(inet place: Place) {
        self.place = place
        family = .inet
        address = { peer in
            guard case .inet(let address) = peer else {
                preconditionFailure("a peer of an Internet socket has the address \(peer)")
            }
            return address
        }
        listeningOn = { bound in
            if case .inet(let address) = bound { address.port } else { 0 }
        }
    }
}

extension WhereToListen where Address == UnixAddress, ListeningOn == String {
    /// A socket file: `of_file`.
    ///
    /// A file left by a server that is gone is replaced, one that is in use is not; on close the file is removed if it
    /// is still ours.
    public static func file(_ path: String) -> Self { Self(unix: .bind(.address(.unix(.path(path))), nil)) }

    /// A name in Linux's abstract namespace.
    public static func abstract(_ name: String) -> Self {
        Self(unix: .bind(.address(.unix(.abstract(Array(name.utf8)))), nil))
    }

    /// A bound, perhaps listening Unix stream socket that this process was given.
    ///
    /// The server owns the descriptor from the call of `create` on, also when that fails. Its file is never unlinked.
    public static func inherited(_ descriptor: Int32) -> Self { Self(unix: .inherited(descriptor)) }

    /// The socket of `file` that a daemon before us has bound.
    package static func succeeded(_ descriptor: consuming Descriptor, file: UnixSocketFile?) -> Self {
        Self(unix: .succeeded(descriptor.release(), file))
    }

    private init(unix place: Place) {
        self.place = place
        family = .unix
        address = { peer in
            guard case .unix(let address) = peer else {
                preconditionFailure("a peer of a Unix socket has the address \(peer)")
            }
            return address
        }
        listeningOn = { bound in
            switch bound {
            case .unix(.path(let path)): path
            default: bound.description
            }
        }
    }
}

extension WhereToListen where Address == SocketAddress, ListeningOn == SocketAddress {
    /// An address of either kind, with the owner of its socket file.
    package static func bind(_ address: BindAddress, file: SocketFileOptions) -> Self {
        Self(place: .bind(address, file), family: .either, address: { $0 }, listeningOn: { $0 })
    }

    /// Whether it is a socket that there is already.
    package var isInherited: Bool { if case .inherited = place { true } else { false } }

    /// A socket of either kind that a daemon before us has bound, with the file that it made for it.
    package static func succeeded(_ descriptor: consuming Descriptor, file: UnixSocketFile?) -> Self {
        Self(
            place: .succeeded(descriptor.release(), file), family: .either, address: { $0 }, listeningOn: { $0 })
    }

    /// An inherited socket of either kind.
    package static func inherited(_ descriptor: consuming Descriptor) -> Self {
        Self(place: .inherited(descriptor.release()), family: .either, address: { $0 }, listeningOn: { $0 })
    }
}

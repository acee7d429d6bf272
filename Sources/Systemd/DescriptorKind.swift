// SPDX-License-Identifier: Apache-2.0
// What an open descriptor of unknown origin is, in words for an error message.

internal import CSystemd
internal import Glibc

/// What a descriptor refers to.
package enum DescriptorKind: Hashable, Sendable {
    /// A stream socket of the Internet or of a Unix address that is bound, whether it listens already or not.
    case listener(family: Family, isListening: Bool)
    /// A stream socket with a peer.
    case connectedStream
    /// A stream socket without an address.
    case unboundStream
    /// A socket that does not serve streams of the Internet or Unix: a datagram socket, one of another family.
    case otherSocket(String)
    /// Anything but a socket.
    case notASocket(String)

    /// The families whose listeners we serve.
    package enum Family: Hashable, Sendable {
        /// IPv4 or IPv6.
        case inet
        /// A Unix socket.
        case unix
    }

    /// Looks at an open descriptor.
    package init(of descriptor: CInt) {
        if sd_is_socket(descriptor, AF_UNSPEC, 0, -1) <= 0 {
            self = .notASocket(Self.fileType(of: descriptor))
        } else if sd_is_socket(descriptor, AF_UNSPEC, Self.stream, -1) <= 0 {
            self = .otherSocket(Self.socketType(of: descriptor))
        } else if sd_is_socket_unix(descriptor, Self.stream, -1, nil, 0) > 0 {
            self = Self.streamSocket(descriptor, .unix)
        } else if sd_is_socket_inet(descriptor, AF_UNSPEC, Self.stream, -1, 0) > 0 {
            self = Self.streamSocket(descriptor, .inet)
        } else {
            self = .otherSocket("stream socket of another family than IPv4, IPv6 and Unix")
        }
    }

    private static let stream = CInt(SOCK_STREAM.rawValue)

    private static func streamSocket(_ descriptor: CInt, _ family: Family) -> DescriptorKind {
        if sd_is_socket(descriptor, AF_UNSPEC, stream, 1) > 0 { return .listener(family: family, isListening: true) }
        var address = sockaddr_storage()
        if length(of: &address, by: { getpeername(descriptor, $0, $1) }) != nil { return .connectedStream }
        guard let length = length(of: &address, by: { getsockname(descriptor, $0, $1) }) else { return .unboundStream }
        let isBound =
            switch family {
            // An unnamed Unix socket's address is its family alone.
            case .unix: Int(length) > MemoryLayout<sa_family_t>.size
            // IPv4 and IPv6 have the port at the same place; a bound socket always has one.
            case .inet: withUnsafeBytes(of: address) { $0[2] != 0 || $0[3] != 0 }
            }
        return isBound ? .listener(family: family, isListening: false) : .unboundStream
    }

    private static func length(
        of address: inout sockaddr_storage,
        by call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
    ) -> socklen_t? {
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &address) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
        return result == 0 ? length : nil
    }

    private static func socketType(of descriptor: CInt) -> String {
        var type: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0 else { return "socket" }
        return switch UInt32(type) {
        case SOCK_DGRAM.rawValue: "datagram socket"
        case SOCK_SEQPACKET.rawValue: "sequential-packet socket"
        case SOCK_RAW.rawValue: "raw socket"
        default: "socket of type \(type)"
        }
    }

    private static func fileType(of descriptor: CInt) -> String {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return "closed descriptor" }
        return switch status.st_mode & S_IFMT {
        case S_IFREG: "regular file"
        case S_IFIFO: "pipe"
        case S_IFDIR: "directory"
        case S_IFCHR: "character device"
        case S_IFBLK: "block device"
        default: "special file"
        }
    }
}

extension DescriptorKind: CustomStringConvertible {
    /// The kind with its article: `a datagram socket`.
    package var description: String {
        switch self {
        case .listener(.inet, true): "a listening TCP socket"
        case .listener(.inet, false): "a bound TCP socket"
        case .listener(.unix, true): "a listening Unix socket"
        case .listener(.unix, false): "a bound Unix socket"
        case .connectedStream: "a connected stream socket"
        case .unboundStream: "a stream socket that is bound to no address"
        case .otherSocket(let name), .notASocket(let name): "a " + name
        }
    }
}

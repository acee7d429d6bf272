// SPDX-License-Identifier: Apache-2.0
// Sockets made by hand: what systemd or a predecessor would hand over, and a look at a socket's options.

internal import CLinux
internal import Descriptors
internal import Glibc
package import Policy
internal import Sockets
package import SystemPackage

/// Makes a socket of `address`'s family, bound unless told otherwise, listening if there is a `backlog`.
package func makeRawSocket(
    _ address: SocketAddress, type: CInt = CInt(SOCK_STREAM.rawValue), isBound: Bool = true, backlog: CInt? = nil
) throws(Errno) -> OwnedDescriptor {
    var storage = sockaddr_storage()
    let length = TestClient.fill(&storage, with: address)
    let number = clinux_socket(CInt(storage.ss_family), type, 0, 0)
    guard number >= 0 else { throw Errno(rawValue: errno) }
    let descriptor = Descriptor(adopting: number)
    if isBound, clinux_bind(number, &storage, length) != 0 { throw Errno(rawValue: errno) }
    if let backlog, listen(number, backlog) != 0 { throw Errno(rawValue: errno) }
    return OwnedDescriptor(descriptor)
}

/// The port to which a socket of the Internet is bound.
package func boundPort(of number: CInt) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    precondition(clinux_getsockname(number, &storage, &length) == 0, "getsockname of \(number)")
    // The port is in the same place for both families.
    return withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
}

/// An integer option of a socket; `nil` when it has no such option.
package func socketOption(_ number: CInt, _ level: CInt, _ name: CInt) -> CInt? {
    var value: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    return getsockopt(number, level, name, &value, &length) == 0 ? value : nil
}

/// Sets an integer option of a socket.
package func setSocketOption(_ number: CInt, _ level: CInt, _ name: CInt, _ value: CInt) {
    var value = value
    let result = setsockopt(number, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    precondition(result == 0, "setsockopt of \(number): \(String(cString: strerror(errno)))")
}

extension TestClient {
    /// Whether the connection is there, and neither bytes nor an end have come; only on the loop.
    package var isWaiting: Bool {
        socket.withDescriptor { number in
            var byte: UInt8 = 0
            return recv(number, &byte, 1, CInt(MSG_DONTWAIT) | CInt(MSG_PEEK)) < 0
                && errno == EAGAIN
        } ?? false
    }
}

extension SocketAddress {
    /// A port of this machine, over IPv4.
    package static func loopback(port: UInt16) -> SocketAddress { .inet(InetAddress(ip: .loopbackV4, port: port)) }
}

// SPDX-License-Identifier: Apache-2.0
// A port that a test can name before anybody listens on it, and that nobody else gets meanwhile.

import Foundation

/// A port of 127.0.0.1, from the system's choice until this object goes.
///
/// A socket that is bound to it and does not listen keeps it: the system gives the port to nobody who asks for any, and
/// lets everyone who names it and sets SO_REUSEADDR, as servers do, listen on it.
final class ReservedPort: Sendable {
    let number: UInt16
    private let descriptor: CInt

    init() throws {
        (descriptor, number) = try Self.bind(to: 0)
    }

    deinit { close(descriptor) }

    /// The port as clients name it.
    var endpoint: Endpoint { .inet(host: "127.0.0.1", port: number) }

    /// A socket of the caller's that listens on the port: so it is taken until the caller closes that.
    func listen() throws -> CInt {
        let (listener, _) = try Self.bind(to: number)
        guard Glibc.listen(listener, 1) == 0 else { throw TestFailure("listen: \(String(cString: strerror(errno)))") }
        return listener
    }

    private static func bind(to port: UInt16) throws -> (descriptor: CInt, port: UInt16) {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var yes: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw TestFailure("no port of 127.0.0.1: \(reason)")
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }
}

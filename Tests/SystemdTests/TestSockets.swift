// SPDX-License-Identifier: Apache-2.0
// Descriptors of every kind, for tests.

import Descriptors
import Glibc
import SystemPackage

/// Descriptors to be inherited or looked at.
///
/// What fails to be made ends the test process.
enum TestSockets {
    static let stream = CInt(SOCK_STREAM.rawValue)
    static let datagram = CInt(SOCK_DGRAM.rawValue)
    static let packet = CInt(SOCK_SEQPACKET.rawValue)

    static func make(_ family: CInt, _ type: CInt) -> Descriptor {
        let number = socket(family, type | CInt(SOCK_CLOEXEC.rawValue), 0)
        precondition(number >= 0, "socket: \(errno)")
        return Descriptor(adopting: number)
    }

    /// Bound to a port of the loopback address that the system chose, or to this port of an address of this process's own.
    static func boundInet(_ type: CInt, port: UInt16 = 0) -> Descriptor {
        let descriptor = make(AF_INET, type)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        let own = 0x7f00_0000 | UInt32(getpid()) & 0xff_ffff
        address.sin_addr.s_addr = (port == 0 ? INADDR_LOOPBACK : own).bigEndian
        bind(descriptor, to: &address, length: MemoryLayout<sockaddr_in>.size)
        return descriptor
    }

    static func listeningInet() -> Descriptor {
        let descriptor = boundInet(stream)
        listen(descriptor)
        return descriptor
    }

    /// Bound to a name; one that begins with `@` is abstract.
    static func boundUnix(_ type: CInt, _ name: String) -> Descriptor {
        let descriptor = make(AF_UNIX, type)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: bytes)
            if bytes.first == UInt8(ascii: "@") { path[0] = 0 }
        }
        bind(descriptor, to: &address, length: MemoryLayout<sa_family_t>.size + bytes.count)
        return descriptor
    }

    static func listeningUnix(_ name: String) -> Descriptor {
        let descriptor = boundUnix(stream, name)
        listen(descriptor)
        return descriptor
    }

    /// One end of a connected pair; the other is closed with it only at the end of the process.
    static func connected(_ type: CInt) -> Descriptor {
        var pair: (CInt, CInt) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &pair) {
            $0.withMemoryRebound(to: CInt.self, capacity: 2) {
                socketpair(AF_UNIX, type | CInt(SOCK_CLOEXEC.rawValue), 0, $0)
            }
        }
        precondition(result == 0, "socketpair: \(errno)")
        Descriptor(adopting: pair.1).close()
        return Descriptor(adopting: pair.0)
    }

    static func opened(_ path: String) -> Descriptor {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        precondition(number >= 0, "open \(path): \(errno)")
        return Descriptor(adopting: number)
    }

    static func pipeEnd() -> Descriptor {
        var ends: [CInt] = [-1, -1]
        precondition(pipe2(&ends) == 0, "pipe: \(errno)")
        Descriptor(adopting: ends[1]).close()
        return Descriptor(adopting: ends[0])
    }

    /// A name for an abstract socket that no other test uses.
    static func uniqueName() -> String { "@serverd-test-\(getpid())-\(UInt64.random(in: 0 ... .max))" }

    private static func bind<Address>(_ descriptor: borrowing Descriptor, to address: inout Address, length: Int) {
        let result = descriptor.use { number in
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(number, $0, socklen_t(length)) }
            }
        }
        precondition(result == 0, "bind: \(errno)")
    }

    private static func listen(_ descriptor: borrowing Descriptor) {
        precondition(descriptor.use { Glibc.listen($0, 5) } == 0, "listen: \(errno)")
    }

    private static func pipe2(_ ends: inout [CInt]) -> CInt {
        let result = pipe(&ends)
        for end in ends where result == 0 { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return result
    }
}

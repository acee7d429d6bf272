// SPDX-License-Identifier: Apache-2.0
// A small blocking client: connects to an endpoint, sends, half-closes, resets, and reads to the end.

import Foundation

/// Where a client can connect to.
enum Endpoint: Sendable, Equatable {
    case inet(host: String, port: UInt16)
    case unix(String)

    /// From the way serverd writes addresses: `127.0.0.1:79`, `[::1]:79`, `/run/x.sock`, `@name`.
    init(_ text: String) throws {
        if text.hasPrefix("/") || text.hasPrefix("@") {
            self = .unix(text)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw TestFailure("no address: \(text)")
        }
        self = .inet(host: text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]")), port: port)
    }

    /// The host as it stands in a URL.
    var urlHost: String {
        switch self {
        case .inet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix: "localhost"
        }
    }

    /// As socat names it.
    var socatAddress: String {
        switch self {
        case .inet(let host, let port): host.contains(":") ? "TCP6:[\(host)]:\(port)" : "TCP4:\(host):\(port)"
        case .unix(let path): "UNIX-CONNECT:\(path)"
        }
    }
}

/// One connection; closed when the last reference goes.
final class Client: Sendable {
    private let descriptor: CInt

    /// Connects.
    ///
    /// `boundTo` gives a Unix client a name of its own: the bytes after the NUL of an abstract address.
    init(_ endpoint: Endpoint, boundTo name: [UInt8] = []) throws {
        switch endpoint {
        case .inet(let host, let port): descriptor = try Self.connectInet(host, port)
        case .unix(let path): descriptor = try Self.connectUnix(path, boundTo: name)
        }
        var bound = timeval(tv_sec: Int(patience), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Sends all of it.
    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestFailure("send: \(String(cString: strerror(errno)))") }
            sent += count
        }
    }

    /// Says that nothing more will come; what comes back can still be read.
    func finishSending() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Closes with a reset when the last reference goes, as a client that crashed.
    func resetOnClose() {
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
    }

    /// Reads until `count` bytes are there or the peer has ended; nil waits for the end.
    func receive(_ count: Int? = nil) throws -> String {
        String(decoding: try receiveBytes(count), as: UTF8.self)
    }

    /// Reads until `count` bytes are there or the peer has ended; nil waits for the end.
    func receiveBytes(_ count: Int? = nil) throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while all.count < count ?? .max {
            let got = recv(descriptor, &buffer, min(buffer.count, (count ?? .max) - all.count), 0)
            if got == 0 { break }
            guard got > 0 else {
                throw TestFailure("receive: \(String(cString: strerror(errno))), got \(all.count) bytes")
            }
            all += buffer[..<got]
        }
        return all
    }

    private static func connectInet(_ host: String, _ port: UInt16) throws -> CInt {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found else {
            throw TestFailure("no address: \(host)")
        }
        defer { freeaddrinfo(address) }
        return try connect(address.pointee.ai_family, address.pointee.ai_addr, address.pointee.ai_addrlen, host)
    }

    private static func connectUnix(_ path: String, boundTo name: [UInt8]) throws -> CInt {
        let isAbstract = path.hasPrefix("@")
        let target = unixAddress(isAbstract ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8))
        let own = name.isEmpty ? nil : unixAddress([0] + name)
        return try withUnsafePointer(to: target.address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try connect(AF_UNIX, address, target.length, path) { descriptor in
                    guard let own else { return true }
                    return withUnsafePointer(to: own.address) {
                        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, own.length) == 0 }
                    }
                }
            }
        }
    }

    private static func connect(
        _ family: CInt, _ address: UnsafePointer<sockaddr>, _ length: socklen_t, _ name: String,
        prepare: (CInt) -> Bool = { _ in true }
    ) throws -> CInt {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0, prepare(descriptor), Glibc.connect(descriptor, address, length) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw TestFailure("cannot connect to \(name): \(reason)")
        }
        return descriptor
    }
}

/// A Unix address of these bytes, and its length: a path, or a NUL and an abstract name.
func unixAddress(_ bytes: [UInt8]) -> (address: sockaddr_un, length: socklen_t) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { room in
        for (index, byte) in bytes.prefix(room.count - 1).enumerated() { room[index] = byte }
    }
    let end = bytes.first == 0 ? 0 : 1
    return (address, socklen_t(MemoryLayout<sa_family_t>.size + min(bytes.count, 107) + end))
}

// SPDX-License-Identifier: Apache-2.0
// A client on a Unix socket that waits for each reply.

internal import Glibc
internal import Varlink

/// A client that waits for each reply.
struct BlockingClient {
    private let descriptor: CInt
    private var session = ClientSession()

    /// Connects to the socket at `path`.
    init(path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(call: "socket") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw Mismatch(step: "connecting", got: "a path that is too long") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw SystemFailure(call: "connect") }
    }

    /// Calls a method that replies once.
    mutating func call<Method: VarlinkMethod>(
        _ method: Method.Type, _ parameters: Method.Parameters
    ) throws -> Method.Result {
        try write(session.call(method, parameters))
        return try result(of: method, reply())
    }

    /// Calls a method that replies any number of times.
    mutating func stream<Method: VarlinkMethod>(
        _ method: Method.Type, _ parameters: Method.Parameters
    ) throws -> [Method.Result] {
        try write(session.call(method, parameters, mode: .more))
        var results: [Method.Result] = []
        repeat { results.append(try result(of: method, reply())) } while session.isWaiting
        return results
    }

    /// Calls a method that is not to reply.
    mutating func send<Method: VarlinkMethod>(_ method: Method.Type, _ parameters: Method.Parameters) throws {
        try write(session.call(method, parameters, mode: .oneway))
    }

    private func result<Method: VarlinkMethod>(of method: Method.Type, _ reply: Reply) throws -> Method.Result {
        if let error = reply.error { throw error }
        return try reply.parameters()
    }

    private func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw SystemFailure(call: "send") }
            rest = rest.dropFirst(count)
        }
    }

    private mutating func reply() throws -> Reply {
        while true {
            if let reply = try session.nextReply() { return reply }
            let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
            }
            guard !bytes.isEmpty else { throw Mismatch(step: "a reply", got: "the end of the stream") }
            session.receive(bytes)
        }
    }
}

/// A system call that failed.
struct SystemFailure: Error {
    let call: String
    let reason = String(cString: strerror(errno))
}

// SPDX-License-Identifier: Apache-2.0
// A small client for tests: connects, then reads and writes on the test's event loop.

internal import CLinux
package import EventLoops
internal import Glibc
package import Policy
package import Sockets
package import SystemPackage

/// One client's end of a connection.
package final class TestClient: Sendable {
    /// Its socket, to be read from and closed.
    package let socket: ConnectedSocket

    /// Takes over a socket that is connected already.
    package init(_ socket: ConnectedSocket) {
        self.socket = socket
    }

    /// Connects to `address`, which must be on this machine: a connection that the backlog takes is there at once.
    /// - Throws: what connect(2) says; `ETIMEDOUT` after two seconds in which the backlog was full.
    package static func connect(to address: SocketAddress, on loop: EventLoop) throws(Errno) -> TestClient {
        var storage = sockaddr_storage()
        let length = fill(&storage, with: address)
        let number = clinux_socket(CInt(storage.ss_family), CInt(SOCK_STREAM.rawValue), 0, 0)
        guard number >= 0 else { throw Errno(rawValue: errno) }
        let socket = ConnectedSocket(
            AcceptedConnection(descriptor: number, peer: address), localAddress: nil, on: loop)
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard clinux_connect(number, &storage, length) == 0 else {
            let error = Errno(rawValue: errno)
            loop.execute { socket.closeNow() }
            throw error == .nowInProgress || error == .wouldBlock ? .timedOut : error
        }
        return TestClient(socket)
    }

    /// Reads until the end of the stream.
    package func readToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try await socket.receive(upTo: 65_536)
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    /// Reads until the end of the stream, and closes the connection.
    package func answer() async throws -> [UInt8] {
        let all = try await readToEnd()
        await close()
        return all
    }

    /// Reads exactly `count` bytes, fewer only at the end of the stream.
    package func read(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let bytes = try await socket.receive(upTo: count - all.count)
            if bytes.isEmpty { break }
            all += bytes
        }
        return all
    }

    /// Writes bytes that fit into the socket's buffer.
    ///
    /// Only on the loop.
    package func write(_ bytes: [UInt8]) throws(Errno) {
        let sent = try socket.sendNow(bytes[...]).get()
        precondition(sent == bytes.count, "the test writes more than the socket's buffer takes")
    }

    /// Writes a text that fits into the socket's buffer.
    ///
    /// Only on the loop.
    package func write(_ text: String) throws(Errno) { try write(Array(text.utf8)) }

    /// Says that no more bytes will come.
    ///
    /// Only on the loop.
    package func finishWriting() { socket.shutdownWriting() }

    /// Closes the connection so that the peer gets a reset instead of the end.
    ///
    /// Only on the loop.
    package func reset() {
        var linger = CLinux.linger(l_onoff: 1, l_linger: 0)
        _ = socket.withDescriptor {
            setsockopt($0, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }
        socket.closeOwnDescriptor()
    }

    /// Closes the connection.
    package func close() async { await socket.close() }

    static func fill(_ storage: inout sockaddr_storage, with address: SocketAddress) -> socklen_t {
        withUnsafeMutableBytes(of: &storage) { bytes in
            switch address {
            case .inet(let inet):
                switch inet.ip {
                case .v4(let bits):
                    var form = sockaddr_in()
                    form.sin_family = sa_family_t(AF_INET)
                    form.sin_port = inet.port.bigEndian
                    form.sin_addr.s_addr = bits.bigEndian
                    bytes.storeBytes(of: form, as: sockaddr_in.self)
                    return socklen_t(MemoryLayout<sockaddr_in>.size)
                case .v6(let high, let low, let zone):
                    var form = sockaddr_in6()
                    form.sin6_family = sa_family_t(AF_INET6)
                    form.sin6_port = inet.port.bigEndian
                    form.sin6_scope_id = zone
                    withUnsafeMutableBytes(of: &form.sin6_addr) {
                        $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                        $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
                    }
                    bytes.storeBytes(of: form, as: sockaddr_in6.self)
                    return socklen_t(MemoryLayout<sockaddr_in6>.size)
                }
            case .unix(let unix):
                let name: [UInt8]
                switch unix {
                case .unnamed: name = []
                case .path(let path): name = Array(path.utf8) + [0]
                case .abstract(let abstract): name = [0] + abstract
                }
                bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
                bytes.baseAddress?.advanced(by: 2).copyMemory(from: name, byteCount: name.count)
                return socklen_t(2 + name.count)
            }
        }
    }
}

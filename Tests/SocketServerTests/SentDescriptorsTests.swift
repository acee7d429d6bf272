// SPDX-License-Identifier: Apache-2.0
// Descriptors that clients send to connections that are served here: nobody waits for their close(2).

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import SocketServer
internal import Sockets
internal import TestSupport
internal import Testing

/// A TCP connection whose close(2) blocks for ten seconds: it has unsent bytes, and SO_LINGER.
private func makeLingering() throws -> (socket: OwnedDescriptor, peer: OwnedDescriptor, listener: OwnedDescriptor) {
    let listener = try makeRawSocket(.loopback(port: 0), backlog: 1)
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let socket = OwnedDescriptor(
        Descriptor(adopting: Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)))
    let connected = withUnsafeMutablePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            getsockname(listener.number, address, &length) == 0 && connect(socket.number, address, length) == 0
        }
    }
    try #require(connected)
    let peer = OwnedDescriptor(Descriptor(adopting: accept(listener.number, nil, nil)))
    let bytes = [UInt8](repeating: 0, count: 65_536)
    while send(socket.number, bytes, bytes.count, CInt(MSG_DONTWAIT)) > 0 {}
    var option = linger(l_onoff: 1, l_linger: 10)
    setsockopt(socket.number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    return (socket, peer, listener)
}

/// sendmsg with one descriptor attached to one byte.
private func send(_ attached: CInt, to descriptor: CInt) -> Int {
    var byte: UInt8 = 0x78
    // A cmsghdr (length, level, type), the descriptor, and padding.
    var control: [UInt32] = [20, 0, UInt32(SOL_SOCKET), 1, UInt32(attached), 0]
    return control.withUnsafeMutableBytes { control in
        withUnsafeMutablePointer(to: &byte) { byte in
            var piece = iovec(iov_base: byte, iov_len: 1)
            return withUnsafeMutablePointer(to: &piece) { piece in
                var message = msghdr()
                message.msg_iov = piece
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                return sendmsg(descriptor, &message, CInt(MSG_NOSIGNAL))
            }
        }
    }
}

@Suite("Descriptors sent to a server")
struct SentDescriptorsTests {
    /// Runs a server, as on a kernel that cannot refuse descriptors unless it is to refuse them.
    private func withServer(
        refuses: Bool, handler: @escaping @Sendable (ConnectedSocket) async throws -> Void,
        _ body: @escaping @Sendable (EventLoop, TestClient) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let name = uniqueName()
            var options = ServerOptions()
            options.refusesDescriptors = refuses
            let server = try await Server<UnixAddress, String>.createConnection(
                on: .abstract(name), options: options, onHandlerError: .ignore
            ) { try await handler($0.socket) }
            let client = try TestClient.connect(to: .unix(.abstract(Array(name.utf8))), on: loop)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(loop, client)) } catch { outcome = .failure(error) }
            await client.close()
            await server.close(closeExistingConnections: true)
            await server.closeFinishedAndHandlersDetermined()
            try outcome.get()
        }
    }

    /// Sends the client's end a descriptor whose close blocks, and keeps none itself.
    private func sendLingering(_ client: TestClient) throws -> (sent: Int, kept: [OwnedDescriptor]) {
        let (socket, peer, listener) = try makeLingering()
        let sent = client.socket.withDescriptor { send(socket.number, to: $0) } ?? -1
        if sent > 0 {
            socket.close()
            return (sent, [peer, listener])
        }
        return (sent, [socket, peer, listener])
    }

    private func release(_ kept: [OwnedDescriptor]) {
        // Nothing lingers once the peer has gone.
        for one in kept.reversed() { one.close() }
    }

    @Test("where the kernel cannot refuse a descriptor, its sender is hung up on, and its close holds up nobody")
    func received() async throws {
        try await withServer(refuses: false) { socket in
            while let bytes = try await socket.read() { try await socket.write(bytes) }
        } _: { loop, client in
            let started = loop.now
            let (sent, kept) = try sendLingering(client)
            #expect(sent == 1)
            #expect(try await client.readToEnd() == [])
            #expect(loop.now - started < .seconds(5))
            release(kept)
        }
    }

    @Test("a descriptor that was sent to a handler that reads nothing holds up nobody either")
    func unread() async throws {
        let mayEnd = OneShot<Void>()
        try await withServer(refuses: false) { socket in
            await mayEnd.value()
        } _: { loop, client in
            let (sent, kept) = try sendLingering(client)
            #expect(sent == 1)
            let started = loop.now
            mayEnd.fulfil(())
            // The end, or a reset, because there was something unread.
            _ = try? await client.readToEnd()
            #expect(loop.now - started < .seconds(5))
            release(kept)
        }
    }

    @Test("a server that wants none has the kernel refuse them, where it can, for connections it accepts")
    func refused() async throws {
        try await withServer(refuses: true) { socket in
            while let bytes = try await socket.read() { try await socket.write(bytes) }
        } _: { loop, client in
            let (sent, kept) = try sendLingering(client)
            // Before Linux 6.16 it is hung up on.
            if sent < 0 {
                #expect(errno == EPERM)
                try client.write("x")
                #expect(try await client.read(1) == [0x78])
            } else {
                #expect(try await client.readToEnd() == [])
            }
            release(kept)
        }
    }
}

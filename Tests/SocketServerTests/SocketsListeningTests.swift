// SPDX-License-Identifier: Apache-2.0
// A listening socket by itself: accept after close, the barrier, and who has one.

internal import Descriptors
internal import Glibc
internal import Policy
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("ListeningSocket")
struct SocketsListeningTests {
    @Test("accept takes connections in the order of their arrival, then says that nobody is there (B21)")
    func accepts() async throws {
        try await onLoop { loop in
            let listener = try ListeningSocket.bind(.address(.loopback(port: 0)), backlog: 4)
            let clients = try (0..<2).map { _ in try TestClient.connect(to: listener.address, on: loop) }
            for client in clients {
                let accepted = try listener.accept().get()
                let socket = ConnectedSocket(accepted, localAddress: nil, on: loop)
                #expect(socket.localAddress == listener.address)
                let port = client.socket.withDescriptor { boundPort(of: $0) }
                #expect(socket.peer == .loopback(port: port ?? 0))
                await socket.close()
            }
            #expect(throws: Errno.wouldBlock) { try listener.accept().get() }
            listener.close()
            for client in clients { await client.close() }
        }
    }

    @Test("after close accept answers EBADF, and close may be repeated (B31, T5)")
    func closed() throws {
        let listener = try ListeningSocket.bind(.everyAddress(port: 0), backlog: 4)
        let address = listener.address
        listener.close()
        listener.close()
        #expect(throws: Errno.badFileDescriptor) { try listener.accept().get() }
        #expect(listener.withDescriptor { $0 } == nil)
        #expect(!listener.mayHaveClient)
        #expect(listener.address == address)
    }

    @Test("whether somebody waits is known without accepting")
    func mayHaveClient() async throws {
        try await onLoop { loop in
            let listener = try ListeningSocket.bind(.address(.loopback(port: 0)), backlog: 4)
            #expect(!listener.mayHaveClient)
            let client = try TestClient.connect(to: listener.address, on: loop)
            #expect(listener.mayHaveClient)
            listener.close()
            await client.close()
        }
    }

    @Test("our end is known beforehand, except on all addresses")
    func addressOfConnections() throws {
        let one = try ListeningSocket.bind(.address(.loopback(port: 0)), backlog: 1)
        #expect(one.addressOfConnections == one.address)
        let all = try ListeningSocket.bind(.everyAddress(port: 0), backlog: 1)
        #expect(all.addressOfConnections == nil)
        one.close()
        all.close()
    }

    @Test(
        "behind the barrier of a Unix listener new clients are refused, and those in the queue are there")
    func unixBarrier() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let address = SocketAddress.unix(.path(folder.file("socket")))
            let listener = try ListeningSocket.bind(.address(address), backlog: 4)
            let client = try TestClient.connect(to: address, on: loop)
            #expect(listener.raiseBarrier())
            #expect(listener.barrierState == .sealed)
            #expect(listener.mayHaveClient)
            #expect(throws: Errno.connectionRefused) { try TestClient.connect(to: address, on: loop) }
            await ConnectedSocket(try listener.accept().get(), localAddress: nil, on: loop).close()
            #expect(!listener.mayHaveClient, "poll(2) would say otherwise")
            #expect(throws: Errno.wouldBlock) { try listener.accept().get() }
            listener.close()
            await client.close()
        }
    }

    @Test("behind the barrier of a TCP listener the queue is there, and with nobody on the way it is sealed")
    func inetBarrier() async throws {
        try await onLoop { loop in
            let listener = try ListeningSocket.bind(.everyAddress(port: 0), backlog: 4)
            guard case .inet(let inet) = listener.address else { return }
            let client = try TestClient.connect(to: .loopback(port: inet.port), on: loop)
            #expect(listener.raiseBarrier())
            #expect(listener.barrierState == .sealed)
            await ConnectedSocket(try listener.accept().get(), localAddress: nil, on: loop).close()
            #expect(throws: Errno.wouldBlock) { try listener.accept().get() }
            listener.close()
            await client.close()
        }
    }

    @Test("an adopted listener gets no barrier")
    func adopted() throws {
        let raw = try makeRawSocket(.loopback(port: 0), backlog: 4)
        let listener = try ListeningSocket.adopt(Descriptor(adopting: raw.release()), backlog: 4)
        #expect(listener.isInherited)
        #expect(!listener.raiseBarrier())
        listener.close()
    }
}

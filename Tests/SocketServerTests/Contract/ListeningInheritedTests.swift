// SPDX-License-Identifier: Apache-2.0
// Adopting a descriptor: what is taken, what is refused, and that nothing of it is changed.

internal import CLinux
internal import Glibc
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Listening: inherited", .timeLimit(.minutes(5)))
struct ListeningInheritedTests {
    @Test(
        "a listening socket is adopted and served, over IPv4 and IPv6 (B11)",
        arguments: [IPAddress.loopbackV4, .loopbackV6])
    func listening(_ ip: IPAddress) async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.inet(InetAddress(ip: ip, port: 0)), backlog: 8)
            let port = boundPort(of: listener.number)
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                try await greetAndStay($1)
            }
            #expect(server.listeningOn == port)
            let client = try TestClient.connect(to: .inet(InetAddress(ip: ip, port: port)), on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
        }
    }

    @Test("a socket that is bound and does not listen yet is made to listen (B11)")
    func bound() async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.loopback(port: 0))
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                try await greetAndStay($1)
            }
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
        }
    }

    @Test("the backlog of a socket that listens already stays what its first owner said (B11)")
    func backlogLeftAlone() async throws {
        try await onLoop { _ in
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 7)
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                _, _ in
            }
            server.listener.setBacklog(3)
            let backlog = server.withListeningSocket { number in
                // TCP_INFO of a listening socket has it in the place of tcpi_sacked.
                var information = [UInt32](repeating: 0, count: 8)
                var length = socklen_t(32)
                return getsockopt(number, CInt(IPPROTO_TCP), TCP_INFO, &information, &length) == 0 ? information[7] : 0
            }
            #expect(backlog == 7)
            await server.close()
        }
    }

    @Test("the options of an adopted socket are left alone (B10)", arguments: [CInt(0), 1])
    func optionsLeftAlone(_ value: CInt) async throws {
        try await onLoop { _ in
            let listener = try makeRawSocket(.loopback(port: 0))
            for option in [SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE] {
                setSocketOption(listener.number, SOL_SOCKET, option, value)
            }
            setSocketOption(listener.number, CInt(IPPROTO_TCP), TCP_NODELAY, value)
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                _, _ in
            }
            server.withListeningSocket { number in
                for option in [SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE] {
                    #expect(socketOption(number, SOL_SOCKET, option) == value)
                }
                #expect(socketOption(number, CInt(IPPROTO_TCP), TCP_NODELAY) == value)
            }
            await server.close()
        }
    }

    @Test("an adopted socket becomes close-on-exec")
    func closeOnExec() async throws {
        try await onLoop { _ in
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 8)
            #expect(fcntl(listener.number, F_SETFD, 0) == 0)
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                _, _ in
            }
            server.withListeningSocket { #expect(fcntl($0, F_GETFD) & FD_CLOEXEC != 0) }
            await server.close()
        }
    }

    @Test("the file of an adopted Unix socket is never unlinked (B16)")
    func fileStays() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let path = folder.file("socket")
            let listener = try makeRawSocket(.unix(.path(path)), backlog: 8)
            let server = try await Server<UnixAddress, String>.createSocket(on: .inherited(listener.release())) {
                try await greetAndStay($1)
            }
            #expect(server.listeningOn == path)
            let client = try TestClient.connect(to: .unix(.path(path)), on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
            #expect(folder.status(of: "socket") != nil)
        }
    }

    @Test("closing a server with an adopted socket leaves the listener to whoever else holds it")
    func otherOwner() async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 8)
            let address = SocketAddress.loopback(port: boundPort(of: listener.number))
            for _ in 0..<2 {
                let copy = listener.duplicate()
                let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(copy)) {
                    try await greetAndStay($1)
                }
                let client = try TestClient.connect(to: address, on: loop)
                #expect(await client.isGreeted())
                await client.close()
                await server.close()
            }
            listener.close()
        }
    }

    @Test("a datagram socket is refused")
    func datagram() async throws {
        let socket = try makeRawSocket(.loopback(port: 0), type: CInt(SOCK_DGRAM.rawValue))
        try await expectRefusal(of: socket.release(), "it is not a stream socket")
    }

    @Test("what is not a socket at all is refused")
    func pipe() async throws {
        let ends = makePipe()
        try await expectRefusal(of: ends.reading.release(), "it is not a stream socket")
        ends.writing.close()
    }

    @Test("a connection is refused")
    func connection() async throws {
        let listener = try makeRawSocket(.loopback(port: 0), backlog: 1)
        let address = SocketAddress.loopback(port: boundPort(of: listener.number))
        let connected = try await onLoop { loop in
            let client = try TestClient.connect(to: address, on: loop)
            let copy = client.socket.duplicate()?.release()
            client.socket.closeOwnDescriptor()
            return copy
        }
        try await expectRefusal(of: #require(connected), "it is a connection, not a socket to accept on")
        listener.close()
    }

    @Test("a socket that is bound to nothing is refused: nobody would know where it listens")
    func unbound() async throws {
        let inet = try makeRawSocket(.loopback(port: 0), isBound: false)
        try await expectRefusal(of: inet.release(), "it is not bound to an address")
        let unix = try makeRawSocket(.unix(.unnamed), isBound: false)
        try await expectRefusal(of: unix.release(), "it is not bound to an address")
    }

    @Test("a Unix socket for a server of Internet addresses is refused, and the reverse")
    func otherFamily() async throws {
        let folder = TemporaryFolder()
        let path = folder.file("socket")
        let unix = try makeRawSocket(.unix(.path(path)), backlog: 8)
        try await expectRefusal(of: unix.release(), "it is bound to \(path), and an Internet socket is needed")
        let inet = try makeRawSocket(.loopback(port: 0), backlog: 8)
        let port = boundPort(of: inet.number)
        let number = inet.release()
        try await onLoop { loop in
            // It was closed.
            #expect(throws: Errno.connectionRefused) { try TestClient.connect(to: .unix(.path(path)), on: loop) }
            let error = try await #require(throws: ServerError.self) {
                try await Server<UnixAddress, String>.createSocket(on: .inherited(number)) { _, _ in }
            }
            #expect(error.code == .cannotListen)
            #expect(error.message.hasSuffix(": it is bound to 127.0.0.1:\(port), and a Unix socket is needed"))
            #expect(folder.status(of: "socket") != nil)
        }
    }

    private func expectRefusal(of descriptor: CInt, _ reason: String) async throws {
        try await onLoop { _ in
            let error = try await #require(throws: ServerError.self) {
                try await Server<InetAddress, UInt16>.createSocket(on: .inherited(descriptor)) { _, _ in }
            }
            #expect(error.code == .cannotListen)
            #expect(error.message == "cannot adopt the inherited socket for descriptor \(descriptor): \(reason)")
        }
    }
}

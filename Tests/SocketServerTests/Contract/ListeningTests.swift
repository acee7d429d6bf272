// SPDX-License-Identifier: Apache-2.0
// Creating a server: when it listens, with which options, and what a failure says.

internal import Glibc
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Listening", .timeLimit(.minutes(5)))
struct ListeningTests {
    @Test("the socket listens when create returns (B1)")
    func listens() async throws {
        try await onLoop { loop in
            let server = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
            let isListening = server.withListeningSocket { socketOption($0, SOL_SOCKET, SO_ACCEPTCONN) }
            #expect(isListening == 1)
            let client = try TestClient.connect(to: server.loopback, on: loop)
            await client.close()
            await server.close()
        }
    }

    @Test("a socket of our own is close-on-exec, has SO_REUSEADDR and has no SO_REUSEPORT (B1, B10)")
    func options() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let inet = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
            inet.withListeningSocket { number in
                #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
                #expect(socketOption(number, SOL_SOCKET, SO_REUSEADDR) == 1)
                #expect(socketOption(number, SOL_SOCKET, SO_REUSEPORT) == 0)
            }
            await inet.close()
            let unix = try await Server.createSocket(on: .file(folder.file("socket"))) { _, _ in }
            unix.withListeningSocket { number in #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0) }
            await unix.close()
        }
    }

    @Test("a port can be bound again at once, though connections to it are in TIME_WAIT (B10)")
    func reuse() async throws {
        try await onLoop { loop in
            let first = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
            let client = try TestClient.connect(to: first.loopback, on: loop)
            // The server closes first, so the TIME_WAIT is on its side.
            _ = try await client.readToEnd()
            await client.close()
            await first.close()
            let second = try await Server.createSocket(on: .port(first.listeningOn)) { _, _ in }
            #expect(second.listeningOn == first.listeningOn)
            await second.close()
        }
    }

    @Test("who is in the queue already is accepted before create returns (B2)")
    func acceptsAtOnce() async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 8)
            let client = try TestClient.connect(to: .loopback(port: boundPort(of: listener.number)), on: loop)
            let started = OneShot<Void>()
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                _, socket in
                started.fulfil(())
                try await greetAndStay(socket)
            }
            #expect(server.numConnections == 1)
            await started.value()
            await client.close()
            await server.close()
        }
    }

    @Test("a server that nobody holds goes on serving until it is closed")
    func isHeldByItself() async {
        // In a process of its own: nobody can close the server.
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let address = try await Server.createSocket(on: .portChosenByOS) { try await greetAndStay($1) }.loopback
                await settle(loop)
                let client = try TestClient.connect(to: address, on: loop)
                #expect(await client.isGreeted())
                await client.close()
            }
        }
    }

    @Test(
        "at least as many clients are connected as are served and fit the backlog (B6, T2)",
        arguments: [10, 3, 2, 1, 0])
    func backlog(_ backlog: Int) async throws {
        try await onLoop { loop in
            var options = ServerOptions()
            options.maxConnections = 1
            options.backlog = backlog
            let never = OneShot<Void>()
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) { _, _ in
                await never.value()
            }
            var clients: [TestClient] = []
            for _ in 0..<(1 + backlog) {
                clients.append(try TestClient.connect(to: server.loopback, on: loop))
                await settle(loop)
            }
            for client in clients { #expect(client.isWaiting) }
            #expect(server.numConnections == 1)
            for client in clients { await client.close() }
            await server.close()
            never.fulfil(())
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("close ends a server that waits for a client, at once and without an error (B31, T5)")
    func closeWhileWaiting() async throws {
        try await onLoop { loop in
            let events = EventLog<ServerEvent>()
            var options = ServerOptions()
            options.onEvent = { events.append($0) }
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) { _, _ in }
            await settle(loop)
            await server.close()
            await settle(loop)
            #expect(server.isClosed)
            #expect(server.handlerFailure == nil)
            #expect(events.all.count == 1, "only that it closed: \(events.all)")
        }
    }
}

@Suite("Listening: failures", .timeLimit(.minutes(5)))
struct ListeningFailureTests {
    @Test("a port that is taken is told with the address and EADDRINUSE, without a retry (B8, B9)")
    func portTaken() async throws {
        try await onLoop { _ in
            let taken = try makeRawSocket(.loopback(port: 0), backlog: 1)
            let port = boundPort(of: taken.number)
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .address(InetAddress(ip: .loopbackV4, port: port))) { _, _ in }
            }
            #expect(error.code == .cannotListen)
            #expect(error.errno == EADDRINUSE)
            #expect(error.message == "cannot bind 127.0.0.1:\(port): Address already in use (EADDRINUSE)")
            taken.close()
        }
    }

    @Test("an address that is not ours is told (B8)")
    func foreignAddress() async throws {
        try await onLoop { _ in
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .address(InetAddress(ip: .v4(0xc000_0201), port: 0))) { _, _ in }
            }
            #expect(error.errno == EADDRNOTAVAIL)
            #expect(error.message == "cannot bind 192.0.2.1:0: Cannot assign requested address (EADDRNOTAVAIL)")
        }
    }

    @Test("a folder that does not exist is told, with what to do (B8)")
    func noFolder() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let path = folder.file("missing/socket")
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .file(path)) { _, _ in }
            }
            #expect(error.errno == ENOENT)
            #expect(
                error.message == "cannot use the path of \(path): No such file or directory (ENOENT); "
                    + "create the directory \(folder.file("missing")) first")
        }
    }

    @Test("a path through a file, and a want of descriptors, are told with what helps there (B8)")
    func otherFolders() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            fclose(fopen(folder.file("file"), "we"))
            let path = folder.file("file/socket")
            let notFolder = #expect(throws: ListenFailure.self) {
                try ListeningSocket.bind(.address(.unix(.path(path))), backlog: 1)
            }
            #expect(
                notFolder?.description == "cannot use the path of \(path): Not a directory (ENOTDIR); "
                    + "\(folder.file("file")) is no directory; choose another path")
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 64
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            var others: [OwnedDescriptor] = []
            while let other = try? makeRawSocket(.loopback(port: 0)) { others.append(other) }
            // With no descriptor, and with one, which is the socket's.
            for (step, free) in [("create a socket for", 0), ("use the path of", 1)] {
                let wanted =
                    "cannot \(step) \(folder.file("socket")): Too many open files (EMFILE); "
                    + "raise this process's limit on open files"
                // Where another thread of this process has closed one of its own meanwhile, there was one more.
                let isTold = (0..<100).contains { _ in
                    while let other = try? makeRawSocket(.loopback(port: 0)) { others.append(other) }
                    for _ in 0..<free { others.popLast()?.close() }
                    do throws(ListenFailure) {
                        try ListeningSocket.bind(.address(.unix(.path(folder.file("socket")))), backlog: 1).close()
                        return false
                    } catch {
                        return error.description == wanted
                    }
                }
                #expect(isTold, "\(wanted)")
            }
        }
    }

    @Test("a name longer than a socket may have is told (B8)")
    func longName() async throws {
        try await onLoop { _ in
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .abstract(String(repeating: "n", count: 108))) { _, _ in }
            }
            #expect(error.code == .cannotListen)
            #expect(error.message.hasSuffix("the name is longer than the 107 bytes a Unix socket may have"))
        }
    }

    @Test(
        "a path without a file name, or with a NUL in it, is refused: it would name something else",
        arguments: ["", "/tmp/", "/tmp/a\0b"])
    func emptyName(_ path: String) async throws {
        try await onLoop { _ in
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .file(path)) { _, _ in }
            }
            #expect(error.code == .cannotListen)
            #expect(error.message.hasSuffix("a socket needs a file name, without a NUL in it"))
        }
    }

    @Test(
        "a port chosen by the system is asked for again when it is taken meanwhile, ten times (B9)",
        .enabled(if: geteuid() == 0))
    func retries() async {
        // A network of the test's own, whose only free port is taken: every try of the system's choosing fails.
        await #expect(processExitsWith: .success) {
            try #require(enterNetworkWithOnePort(50_000), "a network namespace of our own")
            let everywhere = SocketAddress.inet(InetAddress(ip: .anyV4, port: 0))
            let taken = try makeRawSocket(everywhere, backlog: 1)
            #expect(boundPort(of: taken.number) == 50_000)
            let failure = #expect(throws: ListenFailure.self) {
                _ = try ListeningSocket.bind(.address(everywhere), backlog: 1)
            }
            #expect(failure?.errno == .addressInUse)
            #expect(
                failure?.description == "cannot bind 0.0.0.0:0: Address already in use (EADDRINUSE); after 10 retries")
            taken.close()
            #expect(throws: Never.self) { try ListeningSocket.bind(.address(everywhere), backlog: 1).close() }
        }
    }
}

/// Moves this thread into a network namespace in which the system may choose but one port.
private func enterNetworkWithOnePort(_ port: UInt16) -> Bool {
    guard let symbol = dlsym(nil, "unshare") else { return false }
    // Safe: unshare(2) has this signature; Swift's Glibc does not show it.
    let unshare = unsafeBitCast(symbol, to: (@convention(c) (CInt) -> CInt).self)
    let newNetwork: CInt = 0x4000_0000
    guard unshare(newNetwork) == 0 else { return false }
    guard let file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "we") else { return false }
    fputs("\(port) \(port)", file)
    return fclose(file) == 0
}

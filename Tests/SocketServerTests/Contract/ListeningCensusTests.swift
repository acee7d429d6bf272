// SPDX-License-Identifier: Apache-2.0
// Nothing is left behind: descriptors and files are counted in a quiet process before and after.

internal import CLinux
internal import Glibc
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Nothing is left behind", .timeLimit(.minutes(5)))
struct ListeningCensusTests {
    @Test("the census of what is left sees a descriptor that is left")
    func seesOne() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind { _ = makePipe().reading.release() }
            #expect(left.descriptors.count == 1)
        }
    }

    @Test("by an invalid option: no socket was made, and an inherited one is closed (B3, B7)")
    func invalidOptions() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { _ in
                    var options = ServerOptions()
                    options.maxConnections = 0
                    let listener = try makeRawSocket(.loopback(port: 0), backlog: 1)
                    for place in [WhereToListen.portChosenByOS, .inherited(listener.release())] {
                        await #expect(throws: ServerError.self) {
                            try await Server.createSocket(on: place, options: options) { _, _ in }
                        }
                    }
                }
            }
            #expect(left.isEmpty)
        }
    }

    @Test("by a failed bind or listen: neither a descriptor nor a file (B8)")
    func failures() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            let left = try await leftBehind {
                try await onLoop { _ in
                    let taken = try makeRawSocket(.loopback(port: 0), backlog: 1)
                    let inUse = try makeRawSocket(.unix(.path(folder.file("in-use"))), backlog: 1)
                    let addresses: [SocketAddress] = [
                        .loopback(port: boundPort(of: taken.number)), .inet(InetAddress(ip: .v4(0xc000_0201), port: 0)),
                        .unix(.path(folder.file("in-use"))), .unix(.path(folder.file("missing/socket"))),
                        .unix(.path("")), .unix(.abstract(Array(repeating: 1, count: 200))),
                        .unix(.path(folder.file(String(repeating: "long", count: 50)))),
                    ]
                    for address in addresses {
                        #expect(throws: ListenFailure.self) {
                            _ = try ListeningSocket.bind(.address(address), backlog: 1)
                        }
                    }
                    taken.close()
                    inUse.close()
                }
            }
            #expect(left.isEmpty)
            unlink(folder.file("in-use"))
            #expect(rmdir(folder.path) == 0, "no file is left in it")
        }
    }

    @Test("by refusing an inherited descriptor: it is closed (B8, B11)")
    func refusals() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { _ in
                    let ends = makePipe()
                    ends.writing.close()
                    let wrong = [
                        try makeRawSocket(.loopback(port: 0), type: CInt(SOCK_DGRAM.rawValue)), ends.reading,
                        try makeRawSocket(.loopback(port: 0), isBound: false),
                        try makeRawSocket(.unix(.unnamed), isBound: false),
                    ]
                    for descriptor in wrong {
                        await #expect(throws: ServerError.self) {
                            try await Server<InetAddress, UInt16>.createSocket(on: .inherited(descriptor.release())) {
                                _, _ in
                            }
                        }
                    }
                }
            }
            #expect(left.isEmpty)
        }
    }

    @Test(
        "by errors of accept, dropping, the limit, and both ways to close (B28–B30, B58)", arguments: Transport.allCases
    )
    func life(_ transport: Transport) async {
        await #expect(processExitsWith: .success) { [transport] in
            let left = try await leftBehind { try await liveAndClose(transport) }
            #expect(left.isEmpty)
        }
    }

    @Test("descriptor 0 is a valid listener and a valid connection (T7)")
    func descriptorZero() async {
        await #expect(processExitsWith: .success) {
            try await quietCensus()
            try await onLoop { loop in
                let numbers = EventLog<CInt?>()
                func serveOne(closing number: CInt?) async throws -> CInt? {
                    let server = try await Server.createSocket(on: .portChosenByOS) { _, socket in
                        numbers.append(socket.withDescriptor { $0 })
                        try await greetAndStay(socket)
                    }
                    let listener = server.withListeningSocket { $0 }
                    let client = try TestClient.connect(to: server.loopback, on: loop)
                    if let number { #expect(close(number) == 0) }
                    #expect(await client.isGreeted())
                    await client.close()
                    await server.close()
                    await server.closeFinishedAndHandlersDetermined()
                    return listener
                }
                close(0)
                #expect(try await serveOne(closing: nil) == 0)
                #expect(fcntl(0, F_GETFD) == -1, "the listener is closed")
                #expect(open("/dev/null", O_RDONLY) == 0)
                _ = try await serveOne(closing: 0)
                #expect(numbers.all.last == 0, "\(numbers.all)")
                #expect(fcntl(0, F_GETFD) == -1, "the connection is closed")
            }
        }
    }
}

/// The life of a few servers with everything that may go wrong in it.
private func liveAndClose(_ transport: Transport) async throws {
    try await onLoop { loop in
        let folder = TemporaryFolder()
        for isFinishing in [false, true] {
            let accept = ScriptedAccept()
            var options = ServerOptions()
            options.maxConnections = 3
            options.acceptCall = accept.call
            let server = try await makeServer(transport, in: folder, options: options)
            await settle(loop)
            accept.play([.connectionAbort, nil, .tooManyOpenFiles, nil, .interrupted])
            var clients = try (0..<6).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            for client in clients.prefix(3) {
                #expect(await client.isGreeted())
                await client.close()
            }
            clients.removeFirst(3)
            server.setDropIncomingConnections(true)
            try TestClient.connect(to: server.listeningOnAddress, on: loop).reset()
            await settle(loop)
            server.setDropIncomingConnections(false)
            clients.append(try TestClient.connect(to: server.listeningOnAddress, on: loop))
            if isFinishing {
                let finishing = Task(executorPreference: loop) { await server.finishAccepting() }
                for client in clients { await client.close() }
                await finishing.value
            } else {
                await server.close(closeExistingConnections: true)
                for client in clients { await client.close() }
            }
            await server.closeFinishedAndHandlersDetermined()
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Calls over the admin socket that go on: lists with what changes of them, and events.

import EventLoops
import Glibc
import ManagerInterface
import Policy
import Sockets
import TestSupport
import Testing

@testable import Daemon

@Suite("Watching", .timeLimit(.minutes(5)))
struct WatchingTests {
    private static func begin(
        _ method: String, _ parameters: String, _ path: String, _ services: Services
    ) throws -> TestClient {
        let client = try ConnectTests.client(path, services)
        try client.write(
            #"{"method":"io.serverd.Manager.\#(method)","parameters":\#(parameters),"more":true}"# + "\0")
        return client
    }

    /// Lets the time pass after which changes of a list are told.
    private static func passInterval(_ services: Services) async {
        await settle(services.loop)
        await services.advance(by: ServiceManager.listInterval)
    }

    @Test("a list of connections is told whole, and then those that come and those that go")
    func connections() async throws {
        let endpoint = try Endpoint()
        try await ConnectTests.run([service(on: endpoint)]) { path, services in
            let watcher = try Self.begin("ListConnections", #"{"usage":false}"#, path, services)
            #expect(
                try await ConnectTests.reply(to: watcher)
                    == #"{"continues":true,"parameters":{"complete":true,"connections":[]}}"#)
            let peer = try endpoint.connect(services, sending: "x")
            #expect(try await peer.read(2) == Array("x\n".utf8))
            await Self.passInterval(services)
            let come = try await ConnectTests.reply(to: watcher)
            #expect(come.contains(#""id":1"#) && come.contains(#""service":"test""#) && !come.contains("removed"))
            await peer.close()
            await services.wait { $0.connections == 0 }
            await Self.passInterval(services)
            #expect(
                try await ConnectTests.reply(to: watcher)
                    == #"{"continues":true,"parameters":{"complete":true,"connections":[],"removed":[1]}}"#)
            await watcher.close()
        }
    }

    @Test("a connection that comes is told alone: of those that go on nothing has changed")
    func othersAreNotToldAgain() async throws {
        let endpoint = try Endpoint()
        try await ConnectTests.run([service(on: endpoint)]) { path, services in
            let watcher = try Self.begin("ListConnections", #"{"usage":false}"#, path, services)
            _ = try await ConnectTests.reply(to: watcher)
            var peers: [TestClient] = []
            for id in 1...3 {
                peers.append(try endpoint.connect(services, sending: "x"))
                #expect(try await peers[id - 1].read(2) == Array("x\n".utf8))
                await Self.passInterval(services)
                let told = try await ConnectTests.reply(to: watcher)
                #expect(told.contains(#""id":\#(id),"#), "\(told)")
                #expect(told.split(separator: #""id":"#).count == 2, "\(told)")
            }
            for peer in peers { await peer.close() }
            await watcher.close()
        }
    }

    @Test("a subscriber is told that the daemon was told to stop, and its call ends with DaemonStopping")
    func stop() async throws {
        try await ConnectTests.run([service(on: try Endpoint())]) { path, services in
            let watcher = try Self.begin("Subscribe", #"{"kinds":["daemonStopping"]}"#, path, services)
            _ = try await ConnectTests.reply(to: watcher)
            await services.manager.beginStopping()
            #expect(try await ConnectTests.reply(to: watcher).contains(#""kind":"daemonStopping""#))
            await services.manager.context.events.finish()
            let last = try await ConnectTests.reply(to: watcher)
            #expect(
                last.contains(#""error":"io.serverd.Manager.DaemonStopping""#) && !last.contains("continues"), "\(last)"
            )
            await watcher.close()
        }
    }

    @Test("a service is told to be full when its last slot is taken, and not before")
    func fullIsTold() async throws {
        let endpoint = try Endpoint()
        try await ConnectTests.run([service(on: endpoint, maxConnections: 3)]) { path, services in
            let watcher = try Self.begin("Subscribe", #"{"kinds":["serviceChanged"]}"#, path, services)
            _ = try await ConnectTests.reply(to: watcher)
            var peers: [TestClient] = []
            for number in 1...3 {
                #expect(watcher.pending == .nothing, "before connection \(number)")
                peers.append(try endpoint.connect(services, sending: "x"))
                #expect(try await peers[number - 1].read(2) == Array("x\n".utf8))
                await settle(services.loop)
            }
            let told = try await ConnectTests.reply(to: watcher)
            #expect(told.contains(#""state":"full""#) && told.contains(#""connections":3"#), "\(told)")
            await peers.removeLast().close()
            #expect(try await ConnectTests.reply(to: watcher).contains(#""state":"listening""#))
            for peer in peers { await peer.close() }
            await watcher.close()
        }
    }

    @Test("a list of services tells a change of state, and no other number")
    func listedServices() async throws {
        let endpoint = try Endpoint()
        try await ConnectTests.run([service(on: endpoint)]) { path, services in
            let watcher = try Self.begin("ListServices", "{}", path, services)
            #expect(try await ConnectTests.reply(to: watcher).contains(#""state":"listening""#))
            let peer = try endpoint.connect(services, sending: "x")
            #expect(try await peer.read(2) == Array("x\n".utf8))
            await Self.passInterval(services)
            await settle(services.loop)
            #expect(watcher.pending == .nothing)
            #expect(try await services.manager.service(named: "test").suspend())
            await Self.passInterval(services)
            #expect(try await ConnectTests.reply(to: watcher).contains(#""state":"suspended""#))
            try await services.manager.service(named: "test").setLimit(7)
            await Self.passInterval(services)
            #expect(try await ConnectTests.reply(to: watcher).contains(#""connectionLimit":7"#))
            await peer.close()
            await watcher.close()
        }
    }

    @Test("a connection is told once it is old enough, though nothing happens then")
    func oldEnough() async throws {
        let endpoint = try Endpoint()
        try await ConnectTests.run([service(on: endpoint)]) { path, services in
            let watcher = try Self.begin(
                "ListConnections", #"{"usage":false,"filter":{"olderThan":200000}}"#, path, services)
            #expect(try await ConnectTests.reply(to: watcher).contains(#""connections":[]"#))
            let peer = try endpoint.connect(services, sending: "x")
            #expect(try await peer.read(2) == Array("x\n".utf8))
            // Its age is the calendar's, and how often is looked is the loop's.
            await Self.passInterval(services)
            while watcher.pending == .nothing { await services.advance(by: .seconds(1)) }
            #expect(try await ConnectTests.reply(to: watcher).contains(#""id":1,"#))
            await peer.close()
            await watcher.close()
        }
    }

    @Test("a subscriber is told within ten seconds that a socket file is gone, and at once that it is made anew")
    func fileGone() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        guard case .unix(.path(let file)) = endpoint.address else { return #expect(Bool(false)) }
        try await ConnectTests.run([service(on: endpoint)]) { path, services in
            let manager = services.manager
            let watcher = try Self.begin("Subscribe", #"{"kinds":["serviceChanged"]}"#, path, services)
            _ = try await ConnectTests.reply(to: watcher)
            try #require(unlink(file) == 0)
            await services.advance(by: ServiceManager.lookInterval - .milliseconds(1))
            await settle(services.loop)
            #expect(await manager.nextLook != nil && watcher.pending == .nothing)
            await services.advance(by: .milliseconds(1))
            let told = try await ConnectTests.reply(to: watcher)
            #expect(told.contains(#""unreachable":["\#(file)"]"#) && told.contains(#""state":"listening""#), "\(told)")
            // The same again is no news.
            while await manager.nextLook == nil { await services.loop.yieldTurn() }
            await services.advance(by: ServiceManager.lookInterval)
            while await manager.nextLook == nil { await services.loop.yieldTurn() }
            #expect(watcher.pending == .nothing)

            await (try manager.close(.init(service: "test"))).finished()
            #expect(try await manager.service(named: "test").reopen())
            var states: [String] = []
            while states.last?.contains(#""state":"listening""#) != true {
                states.append(try await ConnectTests.reply(to: watcher))
            }
            #expect(states.allSatisfy { !$0.contains("unreachable") }, "\(states)")
            await watcher.close()
            while manager.context.events.hasSubscribers { await services.loop.yieldTurn() }
            await services.advance(by: ServiceManager.lookInterval)
            await settle(services.loop)
            #expect(await manager.nextLook == nil)
        }
        withExtendedLifetime(tree) {}
    }

    @Test("events are told to a caller who sends no more, and nobody is told any more when it has gone")
    func subscriber() async throws {
        try await ConnectTests.run([service(on: Endpoint())]) { path, services in
            let hub = services.manager.context.events
            let watcher = try Self.begin("Subscribe", #"{"kinds":["serviceChanged"]}"#, path, services)
            #expect(
                try await ConnectTests.reply(to: watcher) == #"{"continues":true,"parameters":{"events":[]}}"#)
            shutdown(watcher.socket.withDescriptor { $0 } ?? -1, CInt(SHUT_WR))
            await settle(services.loop)
            #expect(try await services.manager.service(named: "test").suspend())
            let told = try await ConnectTests.reply(to: watcher)
            #expect(told.contains(#""kind":"serviceChanged""#) && told.contains(#""state":"suspended""#))
            #expect(hub.hasSubscribers)
            await watcher.close()
            while hub.hasSubscribers { await services.loop.yieldTurn() }
        }
    }
}

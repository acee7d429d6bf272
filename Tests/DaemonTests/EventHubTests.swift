// SPDX-License-Identifier: Apache-2.0
// What subscribers are told, and what becomes of one that does not listen.

import EventLoops
import ManagerInterface
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("EventHub", .timeLimit(.minutes(5)))
struct EventHubTests {
    private static func subscribe(
        _ services: Services, service: String? = nil, kinds: [EventKind]? = nil,
        as caller: AdminCaller = AdminCaller(uid: 0, pid: 1, gid: 0)
    ) -> EventHub.Subscription {
        let subscription = EventHub.Subscription(service: service, kinds: kinds, caller: caller)
        services.manager.context.events.add(subscription)
        return subscription
    }

    @Test("a connection's life is told in its order, with how its program ended")
    func connection() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("read x; exit 3"))) { services in
            let subscription = Self.subscribe(services, kinds: [.connectionOpened, .connectionEnded])
            let client = try endpoint.connect(services, sending: "x")
            #expect(try await client.readToEnd() == [])
            await client.close()
            await services.wait { $0.connections == 0 && $0.connectionsAccepted == 1 }
            let events = try #require(try await subscription.queue.next()).map(\.event)
            #expect(events.map(\.kind) == [.connectionOpened, .connectionEnded])
            #expect(events[0].connection?.id == events[1].connection?.id && events[0].service == "test")
            let exit = try #require(events[1].exit)
            #expect(exit.ending == .exited && exit.exitCode == 3 && !exit.stopped)
            #expect(exit.failure == "the handler exited with code 3")
            services.manager.context.events.remove(subscription)
        }
    }

    @Test("a subscriber to one service hears of no other, and a change of state is told once")
    func concerned() async throws {
        let (first, second) = try (Endpoint(), Endpoint())
        try await withServices(service("one", on: first), service("two", on: second)) { services in
            let subscription = Self.subscribe(services, service: "one", kinds: [.serviceChanged])
            for name in ["one", "two", "one"] {
                let service = try await services.manager.service(named: name)
                await service.noteShown()
                #expect(await service.suspend())
            }
            let events = try #require(try await subscription.queue.next()).map(\.event)
            #expect(events.map(\.service) == ["one"] && events[0].status?.state == .suspended)
            services.manager.context.events.remove(subscription)
        }
    }

    @Test("a service that a reload brings or gives an address is opening until it listens everywhere, or has failed")
    func opening() async throws {
        let tree = try TemporaryTree()
        let (taken, free, other) = try (Endpoint(in: tree), Endpoint(in: tree), Endpoint(in: tree))
        let files = ScriptedFiles()
        try await withServices(files: files) { services in
            let occupant = taken.occupy()
            func told(_ text: String) async throws -> [ServiceStatus] {
                let subscription = Self.subscribe(services, kinds: [.serviceChanged])
                files["test"] = text
                try await services.reload()
                let events = try #require(try await subscription.queue.next()).compactMap(\.event.status)
                services.manager.context.events.remove(subscription)
                return events
            }
            let failing = try await told(builtIn(free, taken))
            #expect(failing.map(\.state) == [.opening, .failed] && failing.allSatisfy { $0.addresses.count == 2 })
            #expect(failing.map { $0.failure != nil } == [false, true])
            #expect(try await told(builtIn(free)).map(\.state) == [.listening])
            let growing = try await told(builtIn(free, other))
            #expect(growing.map(\.state) == [.opening, .listening] && growing.allSatisfy { $0.addresses.count == 2 })
            taken.free(occupant)
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a subscriber wants events of its kinds, about its service and about none")
    func wanted() {
        func wants(_ kind: EventKind, about service: String?, _ asked: String?, _ kinds: [EventKind]?) -> Bool {
            var event = Event(kind: kind, timestamp: 0)
            event.service = service
            let caller = AdminCaller(uid: 0, pid: 1, gid: 0)
            return EventHub.Subscription(service: asked, kinds: kinds, caller: caller).wants(event)
        }
        #expect(wants(.reloaded, about: nil, nil, nil) && wants(.serviceChanged, about: "one", nil, nil))
        #expect(wants(.serviceChanged, about: "one", "one", nil) && !wants(.serviceChanged, about: "two", "one", nil))
        #expect(wants(.reloaded, about: nil, "one", nil) && wants(.reloaded, about: nil, "one", [.reloaded]))
        #expect(!wants(.reloaded, about: nil, nil, [.reloadFailed]) && !wants(.reloaded, about: nil, nil, []))
    }

    @Test("who takes too slowly is told nothing more, others hear of it, and its connection is closed after a while")
    func slow() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let closed = OneShot<Void>()
            let caller = AdminCaller(
                uid: 7, pid: 8, gid: 9, supplementaryGroups: [], disconnect: { closed.fulfil(()) })
            let slow = Self.subscribe(services, kinds: [.serviceRemoved], as: caller)
            let other = Self.subscribe(services, kinds: [.subscriberLost])
            let hub = services.manager.context.events
            let name = try #require(ServiceName("gone"))
            await services.loop.perform {
                for _ in 0..<EventHub.queueLimit { hub.serviceRemoved(name) }
            }
            await settle(services.loop)
            #expect(closed.current == nil && hub.hasSubscribers)
            await services.loop.perform { hub.serviceRemoved(name) }
            await #expect(throws: ReplyQueueOverflow(limit: EventHub.queueLimit)) { try await slow.queue.next() }
            let told = try #require(try await other.queue.next())
            #expect(told.map(\.event.subscriber) == [UnixPeer(uid: 7, gid: 9, pid: 8)])
            await services.advance(by: .milliseconds(4999))
            #expect(closed.current == nil)
            await services.advance(by: .milliseconds(1))
            await closed.value()
            hub.remove(other)
            #expect(!hub.hasSubscribers)
        }
    }

    private static func finish(_ hub: EventHub, on loop: EventLoop) -> OneShot<Void> {
        let finished = OneShot<Void>()
        _ = Task(executorPreference: loop) {
            await hub.finish()
            finished.fulfil(())
        }
        return finished
    }

    @Test(
        "at the daemon's end each subscriber is waited for until it has what waits for it; who comes later is told nothing"
    )
    func finish() async throws {
        try await withServices([]) { services in
            let hub = services.manager.context.events
            let subscription = Self.subscribe(services, kinds: [.daemonStopping])
            await services.manager.beginStopping()
            // Who is told again stops only once.
            await services.manager.beginStopping()
            let finished = Self.finish(hub, on: services.loop)
            await settle(services.loop)
            let told = try await subscription.queue.next()
            #expect(told?.map(\.event.kind) == [.daemonStopping])
            let end = try await subscription.queue.next()
            #expect(end == nil && finished.current == nil)
            let late = Self.subscribe(services)
            #expect(try await late.queue.next() == nil)
            await services.loop.perform { hub.remove(subscription) }
            await finished.value()
        }
    }

    @Test("a subscriber that is slow at the daemon's end is waited for a second", arguments: [0, 1])
    func slowAtTheEnd(count: Int) async throws {
        try await withServices([]) { services in
            let hub = services.manager.context.events
            let slow = (0..<count).map { _ in Self.subscribe(services) }
            let finished = Self.finish(hub, on: services.loop)
            await settle(services.loop)
            await services.advance(by: .milliseconds(999))
            #expect((finished.current == nil) == (count > 0))
            // Whoever comes in the very turn in which the time is over changes nothing.
            services.loop.execute {
                hub.add(EventHub.Subscription(service: nil, kinds: nil, caller: AdminCaller(uid: 0, pid: 1, gid: 0)))
            }
            await services.advance(by: .milliseconds(1))
            await finished.value()
            withExtendedLifetime(slow) {}
        }
    }
}

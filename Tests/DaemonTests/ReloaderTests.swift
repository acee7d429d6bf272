// SPDX-License-Identifier: Apache-2.0
// How reloads follow each other, who may ask for them, and what they mean for the admin socket and inherited sockets.

import Descriptors
import EventLoops
import Glibc
import ManagerInterface
import SocketServer
import Sockets
import Supervision
import Synchronization
import SystemPackage
import Systemd
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("Reloader", .timeLimit(.minutes(5)))
struct ReloaderTests {
    @Test("work that is asked for while some is under way is done once after it, for all who asked")
    func oneAtATime() async throws {
        try await onLoop { loop in
            let work = OneAtATime<Int>(on: loop)
            let gate = OneShot<Void>()
            let count = Mutex(0)
            let next: @Sendable () async -> Int = {
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if number == 1 { await gate.value() }
                return number
            }
            let first = Task(executorPreference: loop) { await work.run(next) }
            while count.withLock({ $0 }) == 0 { await settle(loop) }
            let others = (0..<3).map { _ in Task(executorPreference: loop) { await work.run(next) } }
            await settle(loop)
            gate.fulfil(())
            #expect(await first.value == 1)
            for other in others { #expect(await other.value == 2) }
            #expect(await work.run(next) == 3)
        }
    }

    @Test("the loop goes on while the configuration is read, and a stop meanwhile is not held up by it")
    func slowReading() async throws {
        let endpoint = try Endpoint()
        let files = ScriptedFiles(["test": builtIn(endpoint)])
        let gate = BlockingGate()
        files.beforeReading { gate.waitUntilOpen() }
        try await withServices(files: files) { services in
            let reload = Task(executorPreference: services.loop) { try await services.reload() }
            let client = try endpoint.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            await client.close()
            await services.manager.drain()
            gate.open()
            let failure = await #expect(throws: ReloadFailure.self) { try await reload.value }
            #expect(failure == .stopping)
            #expect(services.log.lines.contains { $0.contains("not reloaded: serverd is stopping") })
        }
    }

    @Test("who asks for a reload or a plan before every service is opened is answered after that")
    func beforeTheStart() async throws {
        let files = ScriptedFiles(["test": builtIn(try Endpoint())])
        let configuration = try files.configuration()
        let log = try TestLog()
        try await onLoop(clock: ManualClock()) { loop in
            let manager = ServiceManager(
                ServiceContext(test: log, by: try Spawner(on: loop), on: loop), configuration)
            let reloader = Reloader(manager, from: files.source, logger: log.logger)
            let asked = [
                Task(executorPreference: loop) { try await reloader.plan().changes.unchanged },
                Task(executorPreference: loop) { try await reloader.reload(for: .signal).changes.unchanged },
            ]
            // Time enough for the thread that reads.
            for _ in 0..<100 { await settle(loop) }
            #expect(files.reads == 0)
            try await manager.open(
                configuration.services, claiming: InheritedSockets(InheritedDescriptors(adopting: [])))
            for task in asked { #expect(try await task.value == 1) }
            #expect(files.reads == 2)
            await manager.drain()
        }
    }

    @Test("what is doubtful in a configuration is told when it is put into effect, as at the start")
    func doubts() async throws {
        let files = ScriptedFiles(["test": builtIn(try Endpoint())])
        try await withServices(files: files) { services in
            files["test"] = nil
            try await services.reload()
            #expect(services.log.lines.contains { $0.contains("no service is enabled") && $0.contains("services.d") })
        }
    }

    @Test("readers may plan, operators may reload; mistakes come back with their place, line and hint")
    func methods() async throws {
        let endpoint = try Endpoint()
        let files = ScriptedFiles(["test": builtIn(endpoint)], main: "admin_read = [\"7\"]\nadmin_operate = [\"8\"]\n")
        try await withServices(files: files) { services in
            files["test"] = builtIn(endpoint, more: "max_conections = 5")
            for (group, mayReload) in [(UInt32(7), false), (8, true)] {
                let caller = AdminCaller(uid: 1000, pid: 77, gid: group)
                let plan = await #expect(throws: VarlinkError.self) {
                    try await callManager(Manager.Plan.self, .init(), services, as: caller)
                }
                let expected = ConfigurationError(
                    file: "test.toml", line: 3, column: 1, message: "unknown key `max_conections`",
                    text: "max_conections = 5", hint: "max_connections")
                #expect(plan?.as(Manager.ConfigurationInvalid.self)?.errors == [expected])
                let reload = await #expect(throws: VarlinkError.self) {
                    try await callManager(Manager.Reload.self, .init(), services, as: caller)
                }
                #expect((reload?.as(Manager.NotPermitted.self) == nil) == mayReload)
                #expect((reload?.as(Manager.ConfigurationInvalid.self) != nil) == mayReload)
            }
            #expect(services.log.lines("<5>reload requested").map { $0.contains("uid=1000") } == [true])
            // Who may do what changes with the reload.
            files["test"] = builtIn(endpoint)
            files.main = "admin_operate = [\"7\"]\n"
            let caller = AdminCaller(uid: 1000, pid: 77, gid: 8)
            let changes = try await callManager(Manager.Reload.self, .init(), services, as: caller).changes
            #expect(changes.settings.map(\.key) == ["admin_read", "admin_operate"])
            let refused = await #expect(throws: VarlinkError.self) {
                try await callManager(Manager.Reload.self, .init(), services, as: caller)
            }
            #expect(refused?.as(Manager.NotPermitted.self)?.needs == .operate)
        }
    }

    @Test("subscribers are told of a reload, of one that was refused, and of services that are gone")
    func events() async throws {
        let (endpoint, other) = try (Endpoint(), Endpoint())
        let files = ScriptedFiles(["test": builtIn(endpoint), "gone": builtIn(other)])
        try await withServices(files: files) { services in
            let events = services.manager.context.events
            let subscription = EventHub.Subscription(
                service: nil, kinds: [.reloaded, .reloadFailed, .serviceRemoved],
                caller: AdminCaller(uid: 0, pid: 1, gid: 0))
            await services.loop.perform { events.add(subscription) }
            files["bad"] = "nonsense"
            await #expect(throws: ReloadFailure.self) { try await services.reload() }
            files["bad"] = nil
            files["gone"] = nil
            let changes = try await services.reload()
            var told: [Event] = []
            while told.count < 3 { told += try #require(try await subscription.queue.next()).map(\.event) }
            #expect(Set(told.map(\.kind)) == [.reloadFailed, .reloaded, .serviceRemoved])
            #expect(told.first?.errors?.map(\.file) == ["bad.toml"])
            #expect(told.first { $0.kind == .reloaded }?.changes == changes)
            #expect(told.first { $0.kind == .serviceRemoved }?.service == "gone")
            await services.loop.perform { events.remove(subscription) }
        }
    }

    @Test("the admin socket is open to others exactly while groups are configured")
    func adminSocket() async throws {
        let tree = try TemporaryTree()
        let path = tree.path + "/admin"
        let files = ScriptedFiles(["test": builtIn(try Endpoint())])
        try await withServices(files: files) { services in
            let server = try await AdminServer(
                path, services.manager, services.reloader, logger: services.log.logger)
            for (main, mode) in [("", 0o600), ("admin_read = [\"7\"]", 0o666), ("", 0o600)] as [(String, mode_t)] {
                files.main = main
                try await services.reload()
                var status = stat()
                try #require(stat(path, &status) == 0)
                #expect(status.st_mode & 0o777 == mode)
            }
            await server.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("an inherited socket goes from one service to another; one that nobody had claimed needs a restart")
    func inherited() async throws {
        let endpoint = try Endpoint()
        let socket = endpoint.occupy()
        let copy = try Descriptor.duplicating(socket.number).release()
        socket.close()
        let inherited = InheritedSockets(InheritedDescriptors(adopting: [(name: "web", number: copy)]))
        let text = { @Sendable (name: String, word: String) in
            "listen = \"fd:\(name)\"\nexec = [\"/bin/sh\", \"-c\", \"echo \(word); exec cat\"]\n"
        }
        let files = ScriptedFiles(["old": text("web", "old")])
        try await withServices(files: files, inherited: inherited) { services in
            let first = try endpoint.connect(services)
            #expect(try await first.line() == "old")
            let inodes = await services.inodes("old")
            files["old"] = nil
            files["new"] = text("web", "new")
            files["other"] = text("other", "other")
            try await services.reload()
            #expect(await services.inodes("new") == inodes)
            let second = try endpoint.connect(services)
            #expect(try await second.line() == "new")
            let other = await services.status("other")
            #expect(other.state == .failed && other.failure?.hasSuffix("restart serverd") == true)
            #expect(other.retryTimestamp == nil)
            await first.close()
            await second.close()
        }
    }

    @Test("when a service cannot get what it needs besides its addresses, nothing is changed")
    func unpreparable() async {
        await #expect(processExitsWith: .success) {
            let (endpoint, other) = try (Endpoint(), Endpoint())
            let files = ScriptedFiles(["test": builtIn(endpoint)])
            try await withServices(files: files) { services in
                files["test"] = builtIn(endpoint, named: "discard")
                files["zz"] = script(other, script: "true")
                let reserve = DescriptorReserve(.max)
                let failure = await #expect(throws: ReloadFailure.self) { try await services.reload() }
                reserve.close()
                guard case .invalid(let errors) = failure else { return #expect(Bool(false), "\(failure as Any)") }
                #expect(errors.errors.map(\.file) == ["zz.toml"])
                let message = errors.errors[0].message
                #expect(message.hasPrefix("cannot prepare the service \"zz\": Too many open files"))
                let client = try endpoint.connect(services, sending: "x")
                let echo = try await client.line()
                #expect(echo == "x")
                await client.close()
                try await services.reload()
            }
        }
    }
}

/// Calls a method of the manager without a socket.
func callManager<M: ManagerMethod>(
    _ method: M.Type, _ parameters: M.Parameters, _ services: Services, as caller: AdminCaller, mode: CallMode = .once
) async throws -> M.Result {
    let methods = ManagerMethods(
        manager: services.manager, reloader: services.reloader, owner: 4321, logger: services.log.logger)
    return try await methods.call(method, parameters, as: caller, mode: mode)
}

extension ManagerMethods {
    /// Calls one of them without a socket.
    @discardableResult
    func call<M: ManagerMethod>(
        _ method: M.Type, _ parameters: M.Parameters, as caller: AdminCaller, mode: CallMode = .once
    ) async throws -> M.Result {
        var session = ClientSession()
        var server = ServerSession()
        server.receive(session.call(method, parameters, mode: mode))
        let replies = EventLog<[UInt8]>()
        _ = try await dispatcher.answer(
            try #require(try server.nextCall()), from: caller, send: { replies.append($0) })
        session.receive(replies.all.flatMap { $0 })
        let reply = try #require(try session.nextReply())
        if let error = reply.error { throw error }
        return try reply.parameters()
    }
}

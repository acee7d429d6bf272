// SPDX-License-Identifier: Apache-2.0
// What a reload and a plan reply besides the difference: addresses that stay silent, doubts, what operators lose.

import EventLoops
import ManagerInterface
import Policy
import SocketServer
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Reload: what it replies", .timeLimit(.minutes(5)))
struct ReloadOutcomeTests {
    private let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

    // MARK: Addresses that are not listened on

    @Test("an address that somebody else has is told with its reason and the next try, and all else is in effect")
    func taken() async throws {
        let (taken, free) = try (Endpoint(in: tree), Endpoint(in: tree))
        let files = ScriptedFiles()
        try await withServices(files: files) { services in
            let occupant = taken.occupy()
            files["free"] = builtIn(free)
            files["test"] = builtIn(taken, try Endpoint())
            let reply = try await services.reloader.reload(for: .signal)
            #expect(reply.changes.services.map(\.service) == ["free", "test"])
            let told = try #require(reply.notListening.first)
            #expect(reply.notListening.count == 1)
            #expect(told.service == "test" && told.address == taken.listen.description)
            #expect(told.failure?.contains("Address already in use (EADDRINUSE)") == true)
            // The loop's clock stands still; what is told is made of it and of the time of day.
            let retry = try #require(await services.status("test").retryTimestamp)
            #expect(try abs(#require(told.retryTimestamp) - retry) < 60_000_000)
            #expect(await services.goesOn("test", in: .seconds(1)))
            let client = try free.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            await client.close()

            // It is none of the next one's business, and comes by itself.
            #expect(try await services.reloader.reload(for: .signal).notListening == [])
            taken.free(occupant)
            await services.advance(by: .seconds(1))
            await services.wait("test") { $0.state == .listening }
        }
        withExtendedLifetime(tree) {}
    }

    @Test("an address whose former owner still serves its queue waits, which is no failure")
    func waiting() async throws {
        try await withAwaitedAddress { (given) async throws in
            let services = given.services
            await services.advance(by: ServiceManager.reloadPatience)
            let told = NotListening(service: "next", address: given.address.listen.description)
            #expect(await given.reply.value().notListening == [told])
            #expect(await services.status("next").state == .opening)
            #expect(await services.manager.statusLine().hasSuffix(", 1 not serving"))
            await given.first.close()
            #expect(try await given.queued.line() == "ready")
            await services.wait("next") { $0.state == .listening }
            await given.queued.close()
        }
    }

    @Test("an inherited socket that is missing is not tried again")
    func missing() async throws {
        let files = ScriptedFiles()
        try await withServices(files: files) { services in
            files["test"] = "listen = \"fd:web\"\nbuiltin = \"echo\"\n"
            let told = try #require(try await services.reloader.reload(for: .signal).notListening.first)
            #expect(told.address == "fd:web" && told.retryTimestamp == nil)
            #expect(told.failure?.hasSuffix("restart serverd") == true)
        }
    }

    // MARK: Doubts

    @Test("a plan and a reload have the warnings that --check has")
    func warnings() async throws {
        let files = ScriptedFiles()
        try await withServices(files: files) { services in
            let nothing = try await services.reloader.plan().warnings
            #expect(nothing.map(\.message).first?.hasPrefix("no service is enabled") == true)
            #expect(nothing.count == 1 && nothing.first?.file == nil)

            files["test"] = "listen = \(try Endpoint().text)\nexec = [\"/nonexistent\"]\n"
            let wanted = ConfigurationWarning(
                file: "test.toml", line: 1,
                message: "service `test`: /nonexistent cannot be executed: No such file or directory (ENOENT)")
            #expect(try await services.reloader.plan().warnings == [wanted])
            #expect(try await services.reloader.reload(for: .signal).warnings == [wanted])
        }
    }

    @Test("of more than a hundred warnings a hundred are told, and that there are more", arguments: [99, 100, 101])
    func manyWarnings(count: Int) throws {
        let services = (0..<count).map { ("s\($0)", "listen = \"@s\($0)\"\nexec = [\"/nonexistent\"]\n") }
        let configuration = try ScriptedFiles(Dictionary(uniqueKeysWithValues: services)).configuration()
        let warnings = configuration.warnings([])
        #expect(warnings.count == count)
        #expect((warnings.last?.headline == "warning: there are more warnings, which are not shown") == (count > 100))
        let doubts = (0..<count).map { ConfigurationDoubt.ignoredFile("\($0)") }
        #expect(configuration.warnings(doubts).count == 101)
    }

    // MARK: What operators lose

    @Test("a plan says that a closed service opens again, where, and to which limit one set by an operator returns")
    func operators() async throws {
        let (first, second) = try (Endpoint(in: tree), Endpoint(in: tree))
        let files = ScriptedFiles([
            "test": builtIn(first, second, more: "max_connections = 9"), "gone": builtIn(try Endpoint()),
        ])
        try await withServices(files: files) { services in
            let service = try await services.manager.service(named: "test")
            await service.setLimit(5)
            files["test"] = builtIn(first, second, more: "max_connections = 9\nbacklog = 7")
            var plan = try #require(try await services.reloader.plan().changes.services.first)
            #expect(!plan.reopened && plan.limitBefore == 5 && plan.limitAfter == 9 && plan.opened == [])

            for name in ["test", "gone"] {
                await (try services.manager.close(Manager.CloseService.Parameters(service: name))).finished()
            }
            files["test"] = builtIn(first, more: "max_connections = 9\nbacklog = 7")
            files["gone"] = nil
            let plans = try await services.reloader.plan().changes.services
            plan = try #require(plans.last)
            #expect(plan.reopened && plan.limitBefore == 5 && plan.limitAfter == 9)
            #expect(plan.opened == [first.listen.description] && plan.closed == [])
            #expect(plans.first?.kind == .removed && plans.first?.reopened == false)

            #expect(try await services.reload().services == plans)
            let status = await services.status()
            #expect(status.state == .listening && status.connectionLimit == 9)
            // Nothing of an operator's is left.
            files["test"] = builtIn(first, more: "max_connections = 9")
            plan = try #require(try await services.reloader.plan().changes.services.first)
            #expect(!plan.reopened && plan.limitBefore == nil && plan.limitAfter == nil)
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a limit that an operator has set and the configuration now has, too, does not change")
    func sameLimit() async throws {
        let endpoint = try Endpoint()
        let files = ScriptedFiles(["test": builtIn(endpoint, more: "max_connections = 9")])
        try await withServices(files: files) { services in
            await (try services.manager.service(named: "test")).setLimit(5)
            for (limit, before) in [(4, 5), (5, nil), (6, 5)] as [(Int, Int?)] {
                files["test"] = builtIn(endpoint, more: "max_connections = \(limit)")
                let plan = try await services.reloader.plan().changes.services.first
                #expect(plan?.limitBefore == before && plan?.limitAfter == before.map { _ in limit })
            }
        }
    }
}

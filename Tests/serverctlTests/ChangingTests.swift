// SPDX-License-Identifier: Apache-2.0
// The verbs that change a service or the configuration: what they ask for, and what they say came of it.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

@Suite("verbs that change a service")
struct ChangingTests {
    @Test(
        "the service is told as it is then",
        arguments: [("open", "OpenService"), ("suspend", "SuspendService"), ("resume", "ResumeService")])
    func verbs(verb: String, method: String) throws {
        let result = try Run.against([verb, "git"]) { call in
            guard call.name == method else { return nil }
            guard (try? call.parameters(as: ServiceParameters.self))?.service == "git" else { return nil }
            return Reply.encode(ServiceReply(service: Samples.git))
        }
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(
            result.output
                == "Service \"git\" is listening on 0.0.0.0:9418, [::]:9418, with 3 of at most 100 connections.\n")
    }

    @Test("a service that cannot listen is a failure of open, and of nothing else")
    func failed() throws {
        let answer = Reply.encode(ServiceReply(service: Samples.web))
        let result = try Run.against(["open", "web"]) { _ in answer }
        #expect(result.status == .failed)
        #expect(
            result.errors
                == "serverctl: service \"web\" cannot listen: cannot bind 127.0.0.1:80: Permission denied (EACCES); "
                + "trying again in 12s\n")
        #expect(try Run.against(["suspend", "web"]) { _ in answer }.status == .done)
    }

    @Test("a limit below what there is says how many must end first")
    func setLimit() throws {
        func run(_ limit: Int) throws -> String {
            try Run.against(["set-limit", "git", "\(limit)"]) { call in
                let asked = try? call.parameters(as: Manager.SetLimit.Parameters.self)
                guard asked == .init(service: "git", maxConnections: limit) else { return nil }
                var service = Samples.git
                service.connectionLimit = limit
                return Reply.encode(ServiceReply(service: service))
            }.output
        }
        #expect(try run(4).hasSuffix("with 3 of at most 4 connections.\n"))
        #expect(try run(3).hasSuffix("with 3 of at most 3 connections.\n"))
        #expect(try run(2).hasSuffix("with 3 of at most 2 connections. None is accepted until 2 have ended.\n"))
        #expect(Run(["set-limit", "git", "many"]).status == .usage)
    }

    @Test("JSON is the reply, quiet is nothing, and a hostile name is harmless")
    func outputs() throws {
        let answer = Reply.encode(ServiceReply(service: Samples.hostile))
        #expect(try Run.against(["open", "x", "-q"]) { _ in answer }.output.isEmpty)
        #expect(try Run.against(["open", "x", "--json=short"]) { _ in answer }.output.hasPrefix(#"{"service":{"#))
        let text = try Run.against(["open", "x"]) { _ in answer }.output
        #expect(text == "Service \"e\\x1b[2J\" is throttled, with 0 of at most 1 connection.\n")
    }
}

@Suite("serverctl plan, reload and check")
struct ConfigurationTests {
    private static let changes = ConfigurationChanges(
        services: [
            ServiceChange(service: "echo", kind: .added, settings: [], opened: ["[::]:7"], closed: [], dropped: []),
            ServiceChange(
                service: "git", kind: .changed,
                settings: [
                    SettingChange(key: "max_connections", before: "100", after: "200"),
                    SettingChange(key: "user", after: "\"g\u{1b}\""),
                ],
                opened: [], closed: [], dropped: []),
            ServiceChange(
                service: "web", kind: .removed, settings: [], opened: [], closed: ["127.0.0.1:80", "[::1]:80"],
                dropped: [812, 813]),
        ],
        unchanged: 7, settings: [SettingChange(key: "drain_timeout", before: "\"30s\"")])

    private static let mistakes = [
        ConfigurationError(
            file: "services.d/git.toml", line: 2, column: 1, message: "unknown key `max_conections`",
            text: "max_conections = 5", hint: "max_connections"),
        ConfigurationError(
            file: "services.d/web.toml", line: 1, column: 10, message: "a \u{1b}number", text: "\tport = \u{7}x",
            expected: "a number"),
        ConfigurationError(file: "services.d/x.toml", message: "cannot be read: Permission denied (EACCES)"),
    ]

    @Test("a plan names each change, and whom it would drop")
    func plan() throws {
        let result = try Run.against(["plan"]) { call in
            switch call.name {
            case "Plan": return Reply.encode(ChangesReply(changes: Self.changes))
            case "ListConnections":
                return Reply.encode(
                    Manager.ListConnections.Result(connections: [Samples.fetch], complete: true), continues: true)
            default: return nil
            }
        }
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(
            result.output == """
                added    echo
                         listens on [::]:7
                changed  git
                         max_connections: 100 -> 200
                         user: not set -> "g\\x1b"
                removed  web
                         listens no more on 127.0.0.1:80, [::1]:80
                         drops, after drain_timeout, 2 connections:
                           812 from 192.0.2.1:4711
                           813
                changed  the daemon
                         drain_timeout: "30s" -> not set

                Services: 1 added, 1 removed, 1 changed, 7 unchanged; changed: 1 setting of the daemon.

                """)
    }

    @Test("a plan that changes nothing says so")
    func nothing() throws {
        let none = ConfigurationChanges(services: [], unchanged: 1, settings: [])
        let answer = Reply.encode(ChangesReply(changes: none))
        #expect(try Run.against(["plan"]) { _ in answer }.output == "Nothing changes in 1 service.\n")
        #expect(try Run.against(["plan", "--no-legend"]) { _ in answer }.output.isEmpty)
        #expect(
            try Run.against(["check"]) { _ in answer }.output == "The configuration is right, and in effect.\n")
        #expect(try Run.against(["check", "-q"]) { _ in answer }.output.isEmpty)
    }

    @Test("a reload tells what it has changed, and a check that there is something to change")
    func reload() throws {
        let answer = Reply.encode(ChangesReply(changes: Self.changes))
        let result = try Run.against(["reload"]) { call in call.name == "Reload" ? answer : nil }
        #expect(result.status == .done)
        #expect(result.output.hasPrefix("added    echo\n"))
        #expect(try Run.against(["reload", "-q"]) { _ in answer }.output.isEmpty)
        #expect(
            try Run.against(["check"]) { _ in answer }.output
                == "The configuration is right; a reload would change what is in effect.\n")
    }

    @Test(
        "mistakes are printed as serverd --check prints them, and are a failure",
        arguments: ["reload", "plan", "check"])
    func invalid(verb: String) throws {
        let error = VarlinkError(Manager.ConfigurationInvalid(errors: Self.mistakes))
        let result = try Run.against([verb]) { _ in Reply.encode(error) }
        #expect(result.status == .failed && result.output.isEmpty)
        let action = ["reload": "reload", "plan": "plan a reload", "check": "accept the configuration"][verb]
        #expect(
            result.errors == """
                services.d/git.toml:2:1: error: unknown key `max_conections`
                  max_conections = 5
                  ^
                  did you mean `max_connections`?
                services.d/web.toml:1:10: error: a \\x1bnumber
                      port = \\x07x
                                 ^
                  expected a number
                services.d/x.toml: error: cannot be read: Permission denied (EACCES)
                serverctl: cannot \(action ?? ""): the configuration has 3 mistakes\(verb == "reload" ? "; nothing was changed" : "")

                """)
    }

    @Test("a long line is cut around the place", arguments: [1, 70, 72, 150, 300, 301])
    func longLine(column: Int) {
        let text = String(repeating: "x", count: column - 1) + "!" + String(repeating: "y", count: 300 - column + 1)
        let error = ConfigurationError(file: "f", line: 1, column: column, message: "m", text: text)
        let lines = error.rendered.split(separator: "\n").map(Array.init)
        #expect(lines[1].count <= 104)
        #expect(lines[1][lines[2].count - 1] == "!")
    }
}

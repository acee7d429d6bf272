// SPDX-License-Identifier: Apache-2.0
// The verbs that have the daemon read its configuration: changes, mistakes, doubts, and addresses that stay silent.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

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
            case "Plan": return Reply.encode(Manager.Plan.Result(changes: Self.changes))
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
        let answer = Reply.encode(Manager.Plan.Result(changes: none))
        #expect(try Run.against(["plan"]) { _ in answer }.output == "Nothing changes in 1 service.\n")
        #expect(try Run.against(["plan", "--no-legend"]) { _ in answer }.output.isEmpty)
        #expect(
            try Run.against(["check"]) { _ in answer }.output == "The configuration is right, and in effect.\n")
        #expect(try Run.against(["check", "-q"]) { _ in answer }.output.isEmpty)
    }

    @Test("a reload tells what it has changed, and a check that there is something to change")
    func reload() throws {
        let answer = Reply.encode(Manager.Reload.Result(changes: Self.changes))
        let result = try Run.against(["reload"]) { call in call.name == "Reload" ? answer : nil }
        #expect(result.status == .done)
        #expect(result.output.hasPrefix("added    echo\n"))
        #expect(try Run.against(["reload", "-q"]) { _ in answer }.output.isEmpty)
        let plan = Reply.encode(Manager.Plan.Result(changes: Self.changes))
        #expect(
            try Run.against(["check"]) { _ in plan }.output
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

    @Test(
        "with --json the mistakes are JSON on the output, and still a failure", arguments: ["reload", "plan", "check"])
    func invalidJSON(verb: String) throws {
        let error = Reply.encode(VarlinkError(Manager.ConfigurationInvalid(errors: [Self.mistakes[2]])))
        let result = try Run.against([verb, "--json=short"]) { _ in error }
        #expect(result.status == .failed)
        #expect(
            result.output
                == #"{"errors":[{"file":"services.d/x.toml","message":"cannot be read: Permission denied (EACCES)"}]}"#
                + "\n")
        #expect(
            result.errors.hasSuffix(
                "the configuration has 1 mistake\(verb == "reload" ? "; nothing was changed" : "")\n"))
        #expect(try Run.against([verb, "--json", "-q"]) { _ in error }.output.isEmpty)
        // Any other failure is none of the configuration's.
        let other = try Run.against([verb, "--json"]) { _ in Reply.encode(VarlinkError(Manager.DaemonStopping())) }
        #expect(other.status == .failed && other.output.isEmpty)
    }

    @Test(
        "warnings are printed as serverd --check prints them, and in JSON instead",
        arguments: ["reload", "plan", "check"])
    func warnings(verb: String) throws {
        let warnings = [
            ConfigurationWarning(message: "no service is enabled"),
            ConfigurationWarning(file: "services.d/git.toml", line: 2, message: "\u{1b} is not executable"),
        ]
        let none = ConfigurationChanges(services: [], unchanged: 1, settings: [])
        let answer =
            verb == "reload"
            ? Reply.encode(Manager.Reload.Result(changes: none, warnings: warnings))
            : Reply.encode(Manager.Plan.Result(changes: none, warnings: warnings))
        let result = try Run.against([verb]) { _ in answer }
        #expect(result.status == .done)
        #expect(
            result.errors == """
                warning: no service is enabled
                services.d/git.toml:2: warning: \\x1b is not executable

                """)
        #expect(try Run.against([verb, "-q"]) { _ in answer }.errors.isEmpty)
        let json = try Run.against([verb, "--json=short"]) { _ in answer }
        #expect(json.errors.isEmpty && json.output.contains(#""warnings":[{"message":"no service is enabled"},"#))
    }

    @Test("an address that cannot be listened on is no success of a reload, and says that the rest is in effect")
    func notListening() throws {
        var changes = Self.changes
        changes.services = [
            ServiceChange(
                service: "web", kind: .added, settings: [], opened: ["[::1]:80", "fd:web", "@x"], closed: [],
                dropped: [])
        ]
        changes.settings = []
        let silent = [
            NotListening(service: "web", address: "fd:web", failure: "it is \u{1b}missing"),
            NotListening(
                service: "web", address: "[::1]:80",
                failure: "cannot bind [::1]:80: Address already in use (EADDRINUSE)",
                retryTimestamp: Samples.now + 2_000_000),
            NotListening(service: "web", address: "@x"),
        ]
        func run(_ silent: [NotListening], _ words: String...) throws -> Run {
            let answer = Reply.encode(Manager.Reload.Result(changes: changes, notListening: silent))
            return try Run.against(["reload"] + words) { _ in answer }
        }
        let result = try run(silent)
        #expect(result.status == .notListening)
        #expect(
            result.output == """
                added    web
                         cannot listen on fd:web
                         cannot listen on [::1]:80
                         listens on @x when whoever had it has served the clients that wait

                Services: 1 added, 7 unchanged.

                """)
        #expect(
            result.errors == """
                service "web" cannot listen on fd:web: it is \\x1bmissing; it is not tried again by itself
                service "web" cannot listen on [::1]:80: cannot bind [::1]:80: Address already in use (EADDRINUSE); trying again in 2s
                serverctl: reloaded, but 2 addresses cannot be listened on; the rest of the configuration is in effect

                """)
        let json = try run(silent, "--json=short")
        #expect(json.status == .notListening && json.errors == result.errors)
        #expect(json.output.contains(#""notListening":[{"address":"fd:web","failure":"it is"#))
        #expect(try run(silent, "-q").errors == result.errors)
        // Who only waits has not failed.
        let waiting = try run([silent[2]])
        #expect(waiting.status == .done && waiting.errors.isEmpty)
        #expect(waiting.output.contains("listens on [::1]:80, fd:web\n"))
    }

    @Test("a reload and a plan say what ends of what an operator has done")
    func undone() throws {
        let change = ServiceChange(
            service: "git", kind: .changed, settings: [], opened: ["[::]:9418"], closed: [], dropped: [],
            reopened: true, limitBefore: 5, limitAfter: 100)
        let changes = ConfigurationChanges(services: [change], unchanged: 0, settings: [])
        let answer = Reply.encode(Manager.Plan.Result(changes: changes))
        #expect(
            try Run.against(["plan", "--no-legend"]) { _ in answer }.output == """
                changed  git
                         limit: 5, set by an operator -> 100
                         opens again, having been closed
                         listens on [::]:9418

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

// SPDX-License-Identifier: Apache-2.0
// Tests of the whole program but its process: arguments in, output and exit status out.

internal import ArgumentParser
internal import Descriptors
internal import Glibc
internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

/// Runs serverctl against a daemon that has these services.
private func run(
    _ arguments: [String], services: [ServiceStatus], environment: [String: String] = [:], isTerminal: Bool = false
) throws -> Run {
    try withScriptedDaemon { call in
        guard let query = try? call.parameters(as: GetStatus.Parameters.self) else { return nil }
        let known = services.filter { query.service == nil || query.service == $0.name }
        if known.isEmpty, let name = query.service {
            return Reply.encode(VarlinkError.noSuchService(name, nearest: services.first?.name))
        }
        return Reply.encode(GetStatus.Result(daemon: Samples.daemon, services: known))
    } body: { path in
        Run(["--admin-socket", path] + arguments, environment: environment, isTerminal: isTerminal)
    }
}

@Suite("serverctl status")
struct CommandTests {
    @Test("every verb has its name, which the parser would otherwise take milliseconds to find")
    func verbsHaveNames() {
        for verb in Serverctl.configuration.subcommands { #expect(verb.configuration.commandName != nil) }
    }

    @Test(
        "a verb's options may stand before it, serverctl's own stay there, and without a verb nothing moves",
        arguments: [
            (["-q", "status", "git"], ["status", "-q", "git"]),
            (
                ["--admin-socket", "-q", "--json=short", "--no-pager", "list", "--no-legend"],
                ["--admin-socket", "-q", "list", "--json=short", "--no-pager", "--no-legend"]
            ),
            (["--admin-socket=a", "-q", "list"], ["--admin-socket=a", "list", "-q"]),
            (["--version"], ["--version"]), (["-h", "-q"], ["-h", "-q"]), ([], []),
            (["--", "-q", "list"], ["--", "-q", "list"]), (["--admin-socket"], ["--admin-socket"]),
            (["connect", "-q"], ["connect", "-q"]),
        ])
    func optionsBeforeVerb(words: [String], expected: [String]) {
        #expect(ArgumentOrder.verbFirst(words) == expected)
    }

    @Test("everything serving is 0, something that is not is 3")
    func exitStatus() throws {
        let good = try run(["status"], services: [Samples.git, Samples.echo])
        #expect(good.status == .done)
        #expect(good.output.hasSuffix("2 services, all serving.\n"))
        #expect(good.errors.isEmpty)
        #expect(try run(["status"], services: [Samples.git, Samples.web]).status == .notServing)
        #expect(try run(["status"], services: []).status == .done)
        for state in ServiceState.allCases {
            let service = ServiceStatus(name: "x", state: state, addresses: [], connectionLimit: 1)
            let serving = state == .listening || state == .full
            #expect(try run(["status", "x"], services: [service]).status == (serving ? .done : .notServing))
        }
    }

    @Test("only the service that is asked about counts")
    func oneService() throws {
        let result = try run(["status", "git"], services: [Samples.git, Samples.web])
        #expect(result.status == .done)
        #expect(result.output.hasPrefix("git - Git repositories\n"))
    }

    @Test("a service that does not exist is 4, with the name that was perhaps meant")
    func noSuchService() throws {
        let result = try run(["status", "gti\u{1b}"], services: [Samples.git])
        #expect(result.status == .notAvailable)
        #expect(result.output.isEmpty)
        #expect(
            result.errors == "serverctl: cannot show the status of \"gti\\x1b\": there is no service \"gti\\x1b\"; "
                + "did you mean \"git\"?\n")
        #expect(
            try run(["status", "gti"], services: []).errors
                == "serverctl: cannot show the status of \"gti\": there is no service \"gti\"; "
                + "\"serverctl list\" lists all\n")
    }

    @Test("JSON is on one line or pretty, and the same in meaning", arguments: [true, false])
    func json(short: Bool) throws {
        let result = try run(["status", short ? "--json=short" : "--json", "git"], services: [Samples.git])
        #expect(result.status == .done)
        #expect(result.output.split(separator: "\n").count == (short ? 1 : 28))
        let envelope = message(parameters: result.output)
        #expect(
            try Reply(message: envelope).parameters()
                == GetStatus.Result(daemon: Samples.daemon, services: [Samples.git]))
    }

    private func message(parameters: String) -> [UInt8] { Array(#"{"parameters":\#(parameters)}"#.utf8) }

    @Test("the modes of JSON can be written as systemd's tools take them")
    func jsonModes() throws {
        for arguments in [["--json=off"], ["--json", "--json=off"]] {
            #expect(try run(["status"] + arguments, services: [Samples.git]).output.hasPrefix("SERVICE "))
        }
        let plain = try run(["status", "--no-legend", "--", "--json"], services: [Samples.git])
        #expect(plain.status == .notAvailable)
        #expect(plain.errors.contains("\"--json\""))
    }

    @Test("colour is for terminals, and NO_COLOR turns it off")
    func colour() throws {
        func isColoured(_ environment: [String: String], _ isTerminal: Bool) throws -> Bool {
            let result = try run(
                ["status"], services: [Samples.git], environment: environment, isTerminal: isTerminal)
            return result.output.contains("\u{1b}")
        }
        #expect(try isColoured([:], true))
        #expect(try !isColoured([:], false))
        #expect(try !isColoured(["NO_COLOR": "1"], true))
        #expect(try !isColoured(["TERM": "dumb"], true))
    }

    @Test(
        "a verb that does not exist is told with the one that was perhaps meant",
        arguments: [
            ("stat", "did you mean \"status\"?"), ("conections", "did you mean \"connections\"?"),
            ("frobnicate\u{1b}", "see serverctl --help"),
        ])
    func unknownVerb(verb: String, remedy: String) {
        for arguments in [[verb], ["--admin-socket", "status", verb, "x"]] {
            let result = Run(arguments)
            #expect(result.status == .usage && result.output.isEmpty)
            let shown = verb.replacing("\u{1b}", with: "\\x1b")
            #expect(result.errors == "serverctl: there is no verb \"\(shown)\"; \(remedy)\n")
        }
    }

    @Test("the socket is the option's before or after the verb, else the environment's")
    func socket() {
        let environment = ["SERVERD_ADMIN_SOCKET": "/nonexistent/environment"]
        #expect(Run(["status"], environment: environment).errors.contains("/nonexistent/environment:"))
        for arguments in [
            ["--admin-socket", "/nonexistent/o", "status"], ["status", "--admin-socket=/nonexistent/o"],
        ] {
            #expect(Run(arguments, environment: environment).errors.contains("/nonexistent/o:"))
        }
    }

    @Test(
        "a wrong command line is 2, with the usage",
        arguments: [
            [], ["status", "--json=yaml"], ["status", "a", "b"], ["status", "--nope"],
            ["--admin-socket"],
        ])
    func usage(arguments: [String]) {
        let result = Run(arguments)
        #expect(result.status == .usage)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains("Usage: serverctl"))
    }

    @Test("help is no error", arguments: [["--help"], ["help"], ["status", "--help"], ["help", "status"]])
    func help(arguments: [String]) {
        let result = Run(arguments)
        #expect(result.status == .done)
        #expect(result.output.contains("USAGE: serverctl"))
        #expect(result.errors.isEmpty)
    }
}

@Suite("version")
struct VersionTests {
    @Test("the version is told, and is no error")
    func version() {
        let result = Run(["--version"])
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(result.output == Serverctl.configuration.version + "\n" && result.output.hasPrefix("serverctl "))
    }
}

@Suite("connection to the daemon")
struct ManagerClientTests {
    @Test("no daemon is 4, and the message says what to look at")
    func noDaemon() throws {
        let result = Run(["--admin-socket", "/nonexistent/socket", "status"])
        #expect(result.status == .notAvailable)
        #expect(
            result.errors == "serverctl: cannot connect to /nonexistent/socket: No such file or directory (ENOENT); "
                + "is serverd running, and is this its --admin-socket?\n")
    }

    @Test("a socket that nobody listens on any more is 4")
    func refused() throws {
        try withListener { path, listener in
            _ = listener.use { shutdown($0, CInt(SHUT_RDWR)) }
            let result = Run(["--admin-socket", path, "status"])
            #expect(result.status == .notAvailable)
            #expect(
                result.errors.contains(
                    "Connection refused (ECONNREFUSED); nothing listens there any more; is serverd running?"))
        }
    }

    @Test("a path that no socket can have is wrong usage", arguments: ["", "/" + String(repeating: "x", count: 107)])
    func impossiblePath(path: String) {
        let result = Run(["--admin-socket", path, "status"])
        #expect(result.status == .usage)
        #expect(result.errors.contains("must have 1 to 107 bytes"))
    }

    @Test("a daemon that does not permit the call is 4")
    func notPermitted() throws {
        try withScriptedDaemon { _ in
            Reply.encode(VarlinkError.permissionDenied)
        } body: { path in
            let result = Run(["--admin-socket", path, "status"])
            #expect(result.status == .notAvailable)
            #expect(
                result.errors
                    == "serverctl: cannot show the status: \(path) does not permit it; run serverctl as root\n")
        }
    }

    @Test("any other error is 1, and is shown with its fields")
    func otherError() throws {
        try withScriptedDaemon { _ in
            Reply.encode(VarlinkError("a.b.Bad", ["why": "\u{1b}"]))
        } body: { path in
            let result = Run(["--admin-socket", path, "status"])
            #expect(result.status == .failed)
            #expect(result.errors.hasSuffix("failed: a.b.Bad {\"why\":\"\\u001b\"}\n"))
        }
    }

    @Test("a daemon that closes the connection is 1, whether it has read the call or not")
    func closed() throws {
        func expectFailure(_ path: String) {
            let result = Run(["--admin-socket", path, "status"])
            #expect(result.status == .failed)
            #expect(result.errors.contains("the daemon closed the connection; see serverd's log"), "\(result.errors)")
        }
        try withScriptedDaemon({ _ in nil }, body: expectFailure)
        try withDeafDaemon(expectFailure)
    }

    @Test(
        "a reply that cannot be understood is 1",
        arguments: ["HTTP/1.1 400\0", "{}\0", #"{"parameters":{"daemon":1}}"# + "\0"])
    func garbage(reply: String) throws {
        try withScriptedDaemon { _ in
            Array(reply.utf8)
        } body: { path in
            let result = Run(["--admin-socket", path, "status"])
            #expect(result.status == .failed)
            #expect(
                result.errors.contains("cannot understand the reply to io.serverd.Manager.GetStatus from \(path): "))
        }
    }

    @Test("a daemon that says nothing is given up on")
    func stuck() throws {
        try withListener { path, _ in
            let failure = #expect(throws: Failure.self) {
                var client = try ManagerClient(path: path, timeout: .milliseconds(20))
                _ = try client.call(Manager.Plan.self, NoFields(), to: "plan")
            }
            #expect(failure?.status == .failed)
            #expect(
                failure?.message
                    == "no reply to io.serverd.Manager.Plan from \(path): it took too long; see serverd's log for what it is "
                    + "doing"
            )
        }
    }

    @Test("a reply of many packets is put together")
    func longReply() throws {
        let services = (0..<5000).map {
            ServiceStatus(name: "s\($0)", state: .listening, addresses: [], connectionLimit: 1)
        }
        let result = try run(["status"], services: services)
        #expect(result.status == .done)
        #expect(result.output.hasSuffix("5000 services, all serving.\n"))
    }
}

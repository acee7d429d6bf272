// SPDX-License-Identifier: Apache-2.0
// What comes of a start: of the check, of a wrong configuration, of a daemon that cannot have what it needs.

import Descriptors
import Glibc
import Systemd
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("StartSequence", .timeLimit(.minutes(5)))
struct StartSequenceTests {
    /// The sequence for a configuration, which is there for as long as `body` runs.
    static func with<Result>(
        _ tree: TemporaryTree, adminSocket: String = "admin", _ body: (StartSequence) throws -> Result
    ) rethrows -> Result {
        defer { withExtendedLifetime(tree) {} }
        return try body(
            StartSequence(
                configuration: .file(tree.path + "/serverd.toml"), adminSocket: "\(tree.path)/\(adminSocket)",
                logFormat: .text))
    }

    static func run(main: String = "", adminSocket: String = "admin") throws -> ExitCode {
        with(try tree(main: main), adminSocket: adminSocket) { $0.run() }
    }

    static func check(_ tree: TemporaryTree) -> ExitCode { with(tree) { $0.check() } }

    static func tree(main: String? = "", echo: String? = "listen = \"@x\"\nbuiltin = \"echo\"\n") throws
        -> TemporaryTree
    {
        let tree = try TemporaryTree()
        if let main { tree.put(main, at: "serverd.toml") }
        if let echo { tree.put(echo, at: "services.d/echo.toml") }
        return tree
    }

    @Test("a right configuration is a success, also with nothing to serve")
    func right() throws {
        #expect(try Self.check(Self.tree()) == .success)
        #expect(try Self.check(Self.tree(echo: nil)) == .success)
    }

    @Test("a wrong one, a missing one and a wrong service are configuration errors")
    func wrong() throws {
        #expect(try Self.check(Self.tree(main: "drain_timeout = ")) == .configuration)
        #expect(try Self.check(Self.tree(main: nil)) == .configuration)
        #expect(try Self.check(Self.tree(echo: "listen = 70000\nbuiltin = \"echo\"\n")) == .configuration)
    }

    @Test("a check touches nothing: no admin socket, no lock")
    func untouched() throws {
        let tree = try Self.tree()
        #expect(Self.check(tree) == .success)
        #expect(access(tree.path + "/admin", F_OK) != 0 && access(tree.path + "/admin.lock", F_OK) != 0)
    }

    @Test("a run with a wrong configuration ends with its exit code")
    func wrongRun() async {
        await #expect(processExitsWith: .exitCode(78)) {
            exit(try StartSequenceTests.run(main: "nonsense = 1\n").rawValue)
        }
    }

    @Test("a run without a place for the admin socket ends with an error of the system")
    func noPlace() async {
        await #expect(processExitsWith: .exitCode(71)) {
            exit(try StartSequenceTests.run(adminSocket: "a/b/admin").rawValue)
        }
    }

    @Test("a daemon that runs out of descriptors while it starts names the service and leaves no socket behind")
    func noDescriptors() async {
        await #expect(processExitsWith: .success) {
            let tree = try StartSequenceTests.tree(echo: nil)
            for number in 0..<50 {
                try tree.write(
                    "listen = \"\(tree.path)/s\(number)\"\nexec = [\"/bin/cat\"]\nuser = \"\(getuid())\"\n",
                    to: "services.d/s\(number).toml")
            }
            let location = ConfigurationLocation.file(tree.path + "/serverd.toml")
            let configuration = try loadConfiguration(from: location, context: .current())
            // Signals must be blocked before there are threads: these do not get any.
            ShutdownSignals.block()
            let writer = try LogWriter(
                .lines(.prefixed), stream: Descriptor.duplicating(STDERR_FILENO), notifier: Notifier())
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 64
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let daemon = Daemon(
                configuration, from: ConfigurationSource(location), adminSocket: tree.path + "/admin",
                inheritance: Inheritance(InheritedSockets(InheritedDescriptors(adopting: []))), writer: writer,
                watchdog: nil)
            let failure = #expect(throws: StartFailure.self) { try daemon.run() }
            #expect(failure?.code == .operatingSystem)
            let text = failure?.description ?? ""
            #expect(text.hasPrefix("cannot prepare the service \"s"))
            #expect(text.hasSuffix("raise the limit on open files, LimitNOFILE= in the unit"))
            #expect(access(tree.path + "/admin", F_OK) != 0, "the admin socket is still there")
            for number in 0..<50 { #expect(access("\(tree.path)/s\(number)", F_OK) != 0, "s\(number) is there") }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The services that the golden outputs show, and a context that records what is printed.

internal import ManagerInterface
internal import Synchronization
internal import Varlink

@testable internal import serverctl

enum Samples {
    /// 2026-05-01 12:00:00 UTC.
    static let now: Int64 = 1_777_636_800_000_000

    static let daemon = DaemonStatus(version: "0.1.0", pid: 42, state: .running, startTimestamp: now - 90_000_000)

    static let git: ServiceStatus = {
        var service = ServiceStatus(
            name: "git", state: .listening, addresses: ["0.0.0.0:9418", "[::]:9418"], connectionLimit: 100)
        service.description = "Git repositories"
        service.connections = 3
        service.connectionsAccepted = 12_345
        service.handlerFailures = 2
        service.connectionsRefused = 1
        service.listeningTimestamp = now - 93_784_000_000
        service.lastError = "connection 812: git exited with 128"
        service.lastErrorTimestamp = now - 300_000_000
        return service
    }()

    static let web: ServiceStatus = {
        var service = ServiceStatus(name: "web", state: .failed, addresses: ["127.0.0.1:80"], connectionLimit: 5)
        service.failure = "cannot bind 127.0.0.1:80: Permission denied (EACCES)"
        service.retryTimestamp = now + 12_500_000
        return service
    }()

    static let echo: ServiceStatus = {
        var service = ServiceStatus(name: "echo", state: .full, addresses: ["/run/echo.sock"], connectionLimit: 10)
        service.connections = 10
        service.connectionsAccepted = 10
        service.listeningTimestamp = now - 59_999_999
        return service
    }()

    /// A connection over TCP with everything there is to know.
    static let fetch = ConnectionStatus(
        id: 812, service: "git", transport: .tcp, peer: "192.0.2.1:4711", localAddress: "192.0.2.9:9418",
        state: .serving, startTimestamp: now - 303_000_000, pid: 4242, cpuTime: 12_000, memory: 20_971_520,
        bytesIn: 1536, bytesOut: 999)

    /// A connection of a Unix socket, of which little is known.
    static let local = ConnectionStatus(
        id: 1007, service: "echo", transport: .unix, peer: "unix", unixPeer: UnixPeer(uid: 1000, gid: 100, pid: 77),
        localAddress: "/run/echo.sock", state: .killing, startTimestamp: now - 2_000_000)

    /// A service whose every text wants to take over the terminal.
    static let hostile: ServiceStatus = {
        var service = ServiceStatus(
            name: "e\u{1b}[2J", state: .throttled, addresses: ["/run/\u{9b}x\n.sock"], connectionLimit: 1)
        service.description = "\u{202e}evil"
        service.lastError = "said \"\u{7}\u{2028}\""
        service.retryTimestamp = now
        return service
    }()
}

/// What a run of serverctl printed.
final class Recorder: Sendable {
    private let texts = Mutex((output: "", errors: ""))

    var output: String { texts.withLock(\.output) }
    var errors: String { texts.withLock(\.errors) }

    /// A context that records; not a terminal unless told so.
    func context(
        environment: [String: String] = [:], isTerminal: Bool = false, input: CInt = -1, output: CInt = -1
    ) -> Context {
        Context(
            print: { text in self.texts.withLock { $0.output += text } },
            printError: { text in self.texts.withLock { $0.errors += text } },
            environment: { environment[$0] },
            isTerminal: isTerminal,
            now: { Samples.now },
            input: input,
            output: output)
    }
}

/// What a run of serverctl prints and how it ends.
struct Run {
    let status: Outcome
    let output: String
    let errors: String

    init(
        _ arguments: [String], environment: [String: String] = [:], isTerminal: Bool = false, input: CInt = -1,
        output: CInt = -1
    ) {
        let recorder = Recorder()
        let context = recorder.context(
            environment: environment, isTerminal: isTerminal, input: input, output: output)
        status = Serverctl.run(arguments, context: context)
        self.output = recorder.output
        errors = recorder.errors
    }

    /// Runs serverctl against a daemon that answers each call so, and may hang up after one that may have many answers.
    static func against(
        _ arguments: [String], isTerminal: Bool = false, hangsUp: Bool = false,
        reply: @escaping @Sendable (Call) -> [UInt8]?
    ) throws -> Run {
        try withScriptedDaemon(reply, hangsUp: hangsUp) { path in
            Run(["--admin-socket", path] + arguments, environment: ["NO_COLOR": "1"], isTerminal: isTerminal)
        }
    }
}

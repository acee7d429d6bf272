// SPDX-License-Identifier: Apache-2.0
// The services of a daemon on a loop of their own, with a clock that the test moves and a log that it reads.

import Descriptors
import EventLoops
import Glibc
import Logging
import ManagerInterface
import Policy
import SocketServer
import Supervision
import Synchronization
import SystemPackage
import Systemd
import TestSupport

@testable import Daemon
@testable import ServiceConfig

/// What the tests of services work with.
struct Services: Sendable {
    let loop: EventLoop
    let clock: ManualClock
    let manager: ServiceManager
    let log: TestLog
    let spawns: SpawnScript
    /// What a reload reads.
    let files: ScriptedFiles
    let reloader: Reloader
    private let changes: EventLog<Void>
    private let observer: Observer

    /// Who else is told of changes.
    private final class Observer: Sendable {
        let action = Mutex<@Sendable () -> Void>({})
    }

    fileprivate init(
        on loop: EventLoop, _ clock: ManualClock, _ log: TestLog, _ settings: DaemonSettings, _ spawns: SpawnScript,
        _ files: ScriptedFiles, adjusting adjust: (inout ServiceContext) -> Void
    ) throws {
        let changes = EventLog<Void>()
        let observer = Observer()
        var context = ServiceContext(
            test: log, by: try spawns.makeSpawner(on: loop), on: loop, settings,
            changes: ChangeSignal(on: loop) {
                changes.append(())
                // Not under the lock: it may change something itself.
                let action = observer.action.withLock { $0 }
                action()
            })
        adjust(&context)
        manager = ServiceManager(context, try files.configuration())
        reloader = Reloader(manager, from: files.source, logger: log.logger)
        self.files = files
        self.loop = loop
        self.clock = clock
        self.log = log
        self.spawns = spawns
        self.changes = changes
        self.observer = observer
    }

    /// Calls `action` with every change from now on.
    func onChange(_ action: @escaping @Sendable () -> Void) { observer.action.withLock { $0 = action } }

    /// The service as the manager shows it.
    func status(_ name: String = "test") async -> ServiceStatus {
        guard let status = await manager.status(of: name)?.services.first else {
            preconditionFailure("there is no service \(name)")
        }
        return status
    }

    /// Waits until the service is shown so.
    func wait(_ name: String = "test", until condition: (ServiceStatus) -> Bool) async {
        while true {
            let seen = changes.all.count
            if condition(await status(name)) { return }
            await changes.wait(forCount: seen + 1)
        }
    }

    /// How often something has changed.
    var changeCount: Int { changes.all.count }

    /// Waits until more than `count` things have changed.
    func waitForChange(after count: Int) async { await changes.wait(forCount: count + 1) }

    /// Whether the service shows that it goes on by itself in this time.
    func goesOn(_ name: String = "test", in wait: Duration) async -> Bool {
        let before = WallClock.microseconds
        guard let shown = await status(name).retryTimestamp else { return false }
        return (shown - WallClock.microseconds...shown - before).contains(Int64(wait / .microseconds(1)))
    }

    func advance(by duration: Duration) async { await clock.advance(by: duration, on: loop) }
}

extension ServiceContext {
    /// What the services of a test work with, who log to `log`.
    init(
        test log: TestLog, by spawner: Spawner, on loop: EventLoop, _ settings: DaemonSettings = DaemonSettings(),
        changes: ChangeSignal? = nil
    ) {
        self.init(
            loop: loop, spawner: spawner, settings: CurrentSettings(settings), logger: log.logger,
            numbering: ConnectionNumbering(), environment: [:], identity: .ordinary,
            events: EventHub(on: loop, logger: log.logger), changes: changes ?? ChangeSignal(on: loop) {})
    }
}

/// Opens services, which work with what `adjust` makes of their context, runs `body`, and ends them and their
/// connections.
func withServices<Result: Sendable>(
    _ definitions: ServiceDefinition..., settings: DaemonSettings = DaemonSettings(),
    inherited: InheritedSockets = InheritedSockets(InheritedDescriptors(adopting: [])),
    spawnFailures: [Errno] = [], adjusting adjust: @escaping @Sendable (inout ServiceContext) -> Void = { _ in },
    _ body: @escaping @Sendable (Services) async throws -> Result
) async throws -> Result {
    try await withServices(
        definitions, ScriptedFiles(), settings: settings, inherited: inherited, spawnFailures: spawnFailures,
        adjusting: adjust, body)
}

/// Opens services, runs `body`, and ends them and their connections.
func withServices<Result: Sendable>(
    _ definitions: [ServiceDefinition], settings: DaemonSettings = DaemonSettings(),
    inherited: InheritedSockets = InheritedSockets(InheritedDescriptors(adopting: [])),
    spawnFailures: [Errno] = [], _ body: @escaping @Sendable (Services) async throws -> Result
) async throws -> Result {
    try await withServices(
        definitions, ScriptedFiles(), settings: settings, inherited: inherited, spawnFailures: spawnFailures,
        adjusting: { _ in }, body)
}

/// Opens the services of configuration files, which a reload reads again, runs `body`, and ends them and their
/// connections.
func withServices<Result: Sendable>(
    files: ScriptedFiles, inherited: InheritedSockets = InheritedSockets(InheritedDescriptors(adopting: [])),
    _ body: @escaping @Sendable (Services) async throws -> Result
) async throws -> Result {
    let configuration = try files.configuration()
    return try await withServices(
        configuration.services, files, settings: configuration.settings, inherited: inherited, spawnFailures: [],
        adjusting: { _ in }, body)
}

private func withServices<Result: Sendable>(
    _ definitions: [ServiceDefinition], _ files: ScriptedFiles, settings: DaemonSettings, inherited: InheritedSockets,
    spawnFailures: [Errno], adjusting adjust: @escaping @Sendable (inout ServiceContext) -> Void,
    _ body: @escaping @Sendable (Services) async throws -> Result
) async throws -> Result {
    let clock = ManualClock()
    return try await onLoop(clock: clock) { loop in
        let services = try Services(
            on: loop, clock, TestLog(), settings, SpawnScript(spawnFailures), files, adjusting: adjust)
        try await services.manager.open(definitions, claiming: inherited)
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await body(services)) } catch { outcome = .failure(error) }
        await services.manager.endConnections()
        await services.manager.drain()
        return try outcome.get()
    }
}

/// Spawns that fail or stop by script and then are real.
final class SpawnScript: Sendable {
    private let errors: Mutex<[Errno]>
    private let stopped = Mutex<OneShot<pid_t>?>(nil)

    init(_ errors: [Errno]) { self.errors = Mutex(errors) }

    /// How many failures are still to come.
    var count: Int { errors.withLock { $0.count } }

    /// Has the next child stop on its way to its program, as by SIGSTOP, and tells which one it is.
    func stopNext() -> OneShot<pid_t> {
        let pid = OneShot<pid_t>()
        stopped.withLock { $0 = pid }
        return pid
    }

    fileprivate func makeSpawner(on loop: EventLoop) throws -> Spawner {
        // No child is given up, however long it is stopped.
        try Spawner(
            on: loop, deadline: .seconds(300),
            clone: SystemCall { record in
                let error = self.errors.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                if let error { return .failure(error) }
                let result = SystemCall.spawn(record)
                if case .success(let pid) = result, let stopped = self.stopped.withLock({ $0.take() }) {
                    kill(pid, SIGSTOP)
                    var info = siginfo_t()
                    let options = WSTOPPED | WNOWAIT | CInt(bitPattern: UInt32(__WALL))
                    precondition(waitid(P_PID, id_t(pid), &info, options) == 0, "waitid: \(errno)")
                    stopped.fulfil(pid)
                }
                return result
            })
    }
}

/// Where a service listens: a name in the abstract namespace, or a socket file.
///
/// What a process that is being started at this moment still holds of a closed socket can be connected to under an
/// abstract name, but not by a file that is gone.
struct Endpoint: Sendable {
    let address: SocketAddress
    let listen: ListenAddress

    /// An abstract name.
    init() throws {
        let name = uniqueName()
        address = .unix(.abstract(Array(name.utf8)))
        listen = try .abstract(name)
    }

    /// A socket file in `tree`.
    init(in tree: TemporaryTree) throws {
        let path = "\(tree.path)/\(uniqueName())"
        address = .unix(.path(path))
        listen = try .socketFile(path)
    }

    func connect(_ services: Services) throws -> TestClient {
        try TestClient.connect(to: address, on: services.loop)
    }

    /// Connects and sends a line.
    func connect(_ services: Services, sending line: String) throws -> TestClient {
        let client = try connect(services)
        try client.write(line + "\n")
        return client
    }

    /// Binds there as somebody else, and listens if it is a stream socket.
    func occupy(kind: __socket_type = SOCK_STREAM) -> OwnedDescriptor {
        let number = socket(AF_UNIX, CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let name: [UInt8] =
            switch address {
            case .unix(.path(let path)): Array(path.utf8) + [0]
            case .unix(.abstract(let name)): [0] + name
            default: preconditionFailure("no address of a Unix socket: \(address)")
            }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = MemoryLayout<sa_family_t>.size + name.count
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(length)) }
        }
        precondition(result == 0, "bind: \(errno)")
        if kind == SOCK_STREAM { precondition(Glibc.listen(number, 100) == 0, "listen: \(errno)") }
        return OwnedDescriptor(Descriptor(adopting: number))
    }

    /// Ends what ``occupy(kind:)`` has begun at a socket file.
    func free(_ occupant: OwnedDescriptor) {
        guard case .unix(.path(let path)) = address else { preconditionFailure("no socket file: \(address)") }
        occupant.close()
        unlink(path)
    }
}

/// A service on these endpoints.
func service(
    _ name: String = "test", on endpoints: Endpoint..., handler: ServiceDefinition.Handler = .builtIn(.echo),
    isEnabled: Bool = true, maxConnections: Int? = nil, onHandlerError: ServiceDefinition.OnHandlerError = .ignore,
    allowsConnect: Bool = false
) throws -> ServiceDefinition {
    try service(
        name, listening: endpoints.map(\.listen), handler: handler, isEnabled: isEnabled,
        maxConnections: maxConnections, onHandlerError: onHandlerError, allowsConnect: allowsConnect)
}

/// A service on these addresses.
func service(
    _ name: String = "test", listening addresses: [ListenAddress],
    handler: ServiceDefinition.Handler = .builtIn(.echo), isEnabled: Bool = true, maxConnections: Int? = nil,
    onHandlerError: ServiceDefinition.OnHandlerError = .ignore, allowsConnect: Bool = false
) throws -> ServiceDefinition {
    guard let name = ServiceName(name) else { preconditionFailure("no name of a service: \(name)") }
    return ServiceDefinition(
        name: name, isEnabled: isEnabled, listen: addresses[0], alsoListen: Array(addresses.dropFirst()),
        handler: handler, maxConnections: maxConnections, onHandlerError: onHandlerError,
        allowsConnect: allowsConnect, origin: ServiceDefinition.Origin(file: "test.toml", line: 1))
}

/// A handler that runs a shell script.
func shell(_ script: String) -> ServiceDefinition.Handler {
    .program(ProgramDefinition(path: "/bin/sh", arguments: ["-c", script]))
}

extension ProcessIdentity {
    /// Somebody who may not start programs as anybody else.
    static let ordinary = ProcessIdentity(users: [1000], groups: [1000], supplementaryGroups: [])
}

/// A handler that exits with the code that the client sends.
let exitsAsTold = shell("read code; exit $code")

extension TemporaryTree {
    /// Makes a file, with a descriptor that no other process inherits: tests beside this one count theirs.
    func put(_ text: String, at name: String) {
        if let slash = name.lastIndex(of: "/") { mkdir("\(path)/\(name[..<slash])", 0o755) }
        let number = open("\(path)/\(name)", O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
        precondition(Glibc.write(number, text, text.utf8.count) == text.utf8.count, "\(name): \(errno)")
        close(number)
    }
}

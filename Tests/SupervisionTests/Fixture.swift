// SPDX-License-Identifier: Apache-2.0
// Starts programs for the tests of this suite and collects what they say.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import SystemPackage
internal import TestSupport

/// Whether this process may change users: what the tests of accounts need.
let isRoot = geteuid() == 0

/// The account `nobody`.
let nobody = HandlerAccount(
    uid: 65534, gid: 65534, groups: [65534], name: "nobody", home: "/nonexistent", shell: "/usr/sbin/nologin")

/// Two connected stream sockets; ours does not block, the handler's does, as an accepted one.
struct Streams {
    let ours: OwnedDescriptor
    let theirs: OwnedDescriptor

    init() {
        var ends: [CInt] = [0, 0]
        precondition(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        for end in ends { _ = clinux_set_close_on_exec(end) }
        _ = clinux_set_nonblocking(ends[0], 1)
        ours = OwnedDescriptor(Descriptor(adopting: ends[0]))
        theirs = OwnedDescriptor(Descriptor(adopting: ends[1]))
    }

    /// Everything that is written to the other end until it is closed everywhere.
    func readAll(on loop: EventLoop) async -> String {
        let readiness = Readiness(ours.number, on: loop)
        defer { readiness.close() }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(ours.number, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer[..<count]
            } else if count < 0, errno == EAGAIN {
                _ = await readiness.wait(for: .read)
            } else {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
    }
}

/// A TCP connection over IPv4, as a handler is told about it.
let someEnvironment = HandlerEnvironment(
    connection: 4711, peer: .inet(InetAddress(ip: .v4(0xc000_0201), port: 40000)),
    local: .inet(InetAddress(ip: .loopbackV4, port: 79)))

/// A command that runs a shell script.
func shell(_ script: String, account: HandlerAccount? = nil) -> HandlerCommand {
    HandlerCommand(service: "test", path: "/bin/sh", arguments: ["sh", "-c", script], account: account)
}

/// A program that says when it is ready, says so for each SIGTERM, and goes on.
let stubborn = HandlerCommand(
    service: "stubborn", path: "/usr/bin/perl",
    arguments: ["perl", "-e", "$| = 1; $SIG{TERM} = sub { print qq(term\\n) }; print qq(ready\\n); sleep 1000 while 1"])

/// A standard error that leads nowhere.
let silence = StandardErrorSink(lending: open("/dev/null", O_WRONLY | O_CLOEXEC))

/// Starts `command` and returns it, executed, with our end of its connection; the other end is closed here, as the daemon does.
func start(
    _ command: HandlerCommand, by spawner: Spawner, standardError: StandardErrorSink = silence,
    environment: HandlerEnvironment = someEnvironment
) async throws -> (process: HandlerProcess, streams: Streams) {
    let streams = Streams()
    defer { streams.theirs.close() }
    let process = try await begin(
        PreparedCommand(command), streams, by: spawner, standardError: standardError, environment: environment)
    try await process.executed()
    return (process, streams)
}

/// Begins to start `command` for a connection.
func begin(
    _ command: PreparedCommand, _ streams: Streams, by spawner: Spawner, standardError: StandardErrorSink = silence,
    environment: HandlerEnvironment = someEnvironment
) async throws -> HandlerProcess {
    try HandlerProcess.spawn(
        in: await spawner.slot(for: command), environment: environment, socket: streams.theirs.number,
        standardError: standardError, by: spawner)
}

/// Runs `command` to its end, and returns what it wrote and how it ended.
func run(
    _ command: HandlerCommand, by spawner: Spawner, on loop: EventLoop,
    environment: HandlerEnvironment = someEnvironment
) async throws -> (output: String, report: ExitReport) {
    let (process, streams) = try await start(command, by: spawner, environment: environment)
    let output = await streams.readAll(on: loop)
    return (output, await process.exited())
}

/// Reads the next line.
func line(_ streams: Streams, on loop: EventLoop) async -> String {
    let readiness = Readiness(streams.ours.number, on: loop)
    defer { readiness.close() }
    _ = await readiness.wait(for: .read)
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = read(streams.ours.number, &buffer, buffer.count)
    return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
}

/// The census once it is the same twice: the runtime's own threads open a file now and then.
func steadyCensus(on loop: EventLoop) async -> Census {
    var last = Census.take()
    while true {
        await settle(loop)
        let now = Census.take()
        if now == last { return now }
        last = now
    }
}

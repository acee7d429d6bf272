// SPDX-License-Identifier: Apache-2.0
// The verb watch: every kind of event as a line, and the stream's end.

internal import ManagerInterface
internal import Synchronization
internal import Testing
internal import Varlink

@testable internal import serverctl

private func event(_ kind: EventKind, _ fill: (inout Event) -> Void) -> Event {
    var event = Event(kind: kind, timestamp: Samples.now)
    fill(&event)
    return event
}

@Suite("serverctl watch")
struct WatchTests {
    private static let events = [
        event(.connectionOpened) { $0.connection = Samples.fetch },
        event(.connectionRefused) { ($0.service, $0.peer, $0.refusal) = ("git", "192.0.2.7:9", .limit) },
        event(.connectionEnded) {
            $0.connection = Samples.local
            $0.exit = ExitReport(
                ending: .exited, exitCode: 3, failure: "said \"\u{1b}\"", stopped: false, duration: 250_000)
        },
        event(.serviceChanged) { $0.status = Samples.web },
        event(.serviceChanged) {
            var lost = Samples.echo
            lost.unreachable = lost.addresses
            $0.status = lost
        },
        event(.serviceRemoved) { $0.service = "old" },
        event(.closingProgress) {
            $0.service = "git"
            $0.closing = ClosingProgress(step: .stopping, open: 2, ended: 1)
        },
        event(.reloaded) { $0.changes = ConfigurationChanges(services: [], unchanged: 2, settings: []) },
        event(.reloadFailed) { $0.errors = [ConfigurationError(file: "a.toml", line: 1, column: 2, message: "bad")] },
        event(.subscriberLost) { $0.subscriber = UnixPeer(uid: 1, gid: 2, pid: 3) },
    ]
    private static let stop = event(.daemonStopping) { _ in }

    /// Which daemon it is, if a call asks for that.
    private static func identity(_ call: Call, _ daemon: DaemonStatus = Samples.daemon) -> [UInt8]? {
        guard call.name == "GetStatus" else { return nil }
        return Reply.encode(GetStatus.Result(daemon: daemon, services: []))
    }

    private func run(_ arguments: [String], _ events: [Event] = Self.events) throws -> Run {
        try Run.against(["watch"] + arguments) { call in
            guard call.name == "Subscribe", call.mode == .more else { return Self.identity(call) }
            return Reply.encode(Manager.Subscribe.Result(events: []), continues: true)
                + Reply.encode(Manager.Subscribe.Result(events: Array(events.prefix(2))), continues: true)
                + Reply.encode(Manager.Subscribe.Result(events: Array(events.dropFirst(2))))
        }
    }

    @Test("every event is a line, and the end of the stream is a failure")
    func golden() throws {
        let result = try run([])
        let time = "2026-05-01 12:00:00 UTC"
        #expect(
            result.output == """
                \(time)  git: connection 812 from 192.0.2.1:4711 opened
                \(time)  git: refused 192.0.2.7:9: it has as many connections as it may
                \(time)  echo: connection 1007 from unix (uid 1000) ended: exited with 3 after 250ms: said "\\x1b"
                \(time)  web: failed: cannot bind 127.0.0.1:80: Permission denied (EACCES); 0 of at most 5 connections
                \(time)  echo: full on /run/echo.sock: nobody can connect to /run/echo.sock: somebody has removed or \
                replaced the socket file; close and open the service to have it made anew; 10 of at most 10 connections
                \(time)  old: removed
                \(time)  git: closing: stopping; 3 connections: 1 ended by itself, 2 are open
                \(time)  reloaded: Nothing changes in 2 services
                \(time)  reload failed: a.toml:1:2: error: bad
                \(time)  the client with uid 1 and pid 3 read too slowly, and gets no more

                """)
        #expect(result.status == .failed)
        #expect(result.errors == "serverctl: cannot watch any longer: serverd ended the stream of events\n")
        #expect(Set((Self.events + [Self.stop]).map(\.kind)) == Set(EventKind.allCases))
    }

    /// Watches a daemon that says it was told to stop, then these last words, and hangs up.
    private func runToStop(_ words: String..., lastWords: [UInt8]) throws -> Run {
        try Run.against(["watch"] + words, hangsUp: true) { call in
            guard call.name == "Subscribe" else { return Self.identity(call) }
            let asked = try? call.parameters(as: Manager.Subscribe.Parameters.self)
            guard asked?.kinds?.contains(.daemonStopping) == true else { return nil }
            let events = [Self.events[5], Self.stop]
            return Reply.encode(Manager.Subscribe.Result(events: events), continues: true) + lastWords
        }
    }

    @Test(
        "a daemon that was told to stop is not blamed for it, whether its last reply comes, or a part of it, or nothing",
        arguments: [Reply.encode(VarlinkError(Manager.DaemonStopping())), [UInt8(ascii: "{")], []])
    func stopped(lastWords: [UInt8]) throws {
        let result = try runToStop(lastWords: lastWords)
        #expect(result.status == .done && result.errors == "serverctl: serverd was told to stop\n")
        #expect(result.output.hasSuffix("  old: removed\n2026-05-01 12:00:00 UTC  serverd was told to stop\n"))
        // Who did not ask for it is not shown the event.
        let other = try runToStop("--kind=serviceRemoved", lastWords: lastWords)
        #expect(other.status == .done && other.output.hasSuffix("  old: removed\n"))
        #expect(try runToStop("-q", lastWords: lastWords).errors.isEmpty)
    }

    @Test(
        "what goes wrong after a daemon was told to stop is told as at any other time",
        arguments: [
            (Reply.encode(VarlinkError(Manager.TooSlow(limit: 5))), "cannot watch: events came faster than they were"),
            (Reply.encode(VarlinkError("io.serverd.Manager.New")), "io.serverd.Manager.New"),
            ([UInt8(ascii: "x"), 0], "cannot understand the reply to io.serverd.Manager.Subscribe"),
        ])
    func wrongWhileStopping(lastWords: [UInt8], message: String) throws {
        let result = try runToStop(lastWords: lastWords)
        #expect(result.status == .failed && result.errors.contains(message), "\(result.errors)")
        #expect(result.output.hasSuffix("serverd was told to stop\n"))
        #expect(!result.errors.contains("told to stop"))
    }

    /// Watches a daemon that hangs up after an event, goes on as `next`, and says then that it was told to stop.
    private func runOver(to next: DaemonStatus, _ words: String...) throws -> Run {
        let streams = Atomic(0)
        return try Run.against(["watch"] + words, hangsUp: true) { call in
            let count = streams.load(ordering: .relaxed)
            guard call.name == "Subscribe" else { return Self.identity(call, count == 0 ? Samples.daemon : next) }
            streams.add(1, ordering: .relaxed)
            return Reply.encode(
                Manager.Subscribe.Result(events: [count == 0 ? Self.events[5] : Self.stop]), continues: true)
        }
    }

    @Test("a daemon that goes on as another image is watched on, and that events are missing is said")
    func replaced() throws {
        var next = Samples.daemon
        (next.version, next.images) = ("0.2\u{1b}", 2)
        let result = try runOver(to: next)
        #expect(result.status == .done)
        #expect(result.output.hasSuffix("  old: removed\n2026-05-01 12:00:00 UTC  serverd was told to stop\n"))
        #expect(
            result.errors == """
                serverctl: serverd goes on as another image, version 0.2\\x1b; what happened meanwhile is not shown
                serverctl: serverd was told to stop

                """)
        #expect(try runOver(to: next, "-q").errors.isEmpty)
    }

    @Test("a daemon that is the same image, or another process, is not watched on", arguments: [(42, 1), (43, 2)])
    func notReplaced(pid: Int32, images: Int) throws {
        var next = Samples.daemon
        (next.pid, next.images) = (pid, images)
        let result = try runOver(to: next)
        #expect(result.status == .failed && result.output.hasSuffix("  old: removed\n"))
        #expect(result.errors.contains("the daemon closed the connection; see serverd's log"), "\(result.errors)")
    }

    @Test("short JSON is an object a line")
    func json() throws {
        let lines = try run(["--json=short"]).output.split(separator: "\n")
        #expect(lines.count == Self.events.count)
        #expect(lines.allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
        #expect(lines.first?.contains(#""kind":"connectionOpened""#) == true)
    }

    @Test("a service and kinds are passed on; without kinds those that this version knows are asked for")
    func parameters() throws {
        for (arguments, wanted) in [
            ([], .init(kinds: EventKind.allCases)),
            (
                ["git", "--kind=reloaded", "--kind=connectionEnded"],
                .init(service: "git", kinds: [.reloaded, .connectionEnded, .daemonStopping])
            ),
        ] as [([String], Manager.Subscribe.Parameters)] {
            let result = try Run.against(["watch"] + arguments) { call in
                if let identity = Self.identity(call) { return identity }
                guard (try? call.parameters(as: Manager.Subscribe.Parameters.self)) == wanted else { return nil }
                return Reply.encode(VarlinkError(Manager.TooSlow(limit: 5)))
            }
            #expect(result.errors.contains("cannot watch: events came faster than they were read"))
        }
        #expect(Run(["watch", "--kind=nothing"]).status == .usage)
    }

    @Test("a signal without a name is told by its number; what is left behind is told")
    func endings() {
        func text(_ exit: ExitReport) -> String { ConnectionText.ending(exit) }
        #expect(
            text(ExitReport(ending: .killed, signal: 40, dumpedCore: true, stopped: true, duration: 1_000_000))
                == "killed by signal 40, core dumped, after 1s")
        #expect(
            text(ExitReport(ending: .returned, stopped: false, duration: 0, lingering: true))
                == "served to its end after 0ms; processes that it had started live on")
        #expect(
            text(ExitReport(ending: .failed, failure: "no such user", stopped: false, duration: 0))
                == "failed after 0ms: no such user")
    }
}

// SPDX-License-Identifier: Apache-2.0
// The verbs that close something: what they ask for, what they refuse, and what they say at the end.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

/// The progress of a closing at its end.
private let finished = ClosingProgress(step: .finished, open: 0, ended: 12, stopped: 4, killed: 1)

private func reply(_ progress: ClosingProgress, continues: Bool = false) -> [UInt8] {
    Reply.encode(ProgressReply(progress: progress), continues: continues)
}

@Suite("serverctl close and drain")
struct ClosingTests {
    /// Runs a verb, and returns what it prints if it asks for exactly this.
    private func run<Method: VarlinkMethod>(
        _ arguments: [String], expecting method: Method.Type, _ parameters: Method.Parameters,
        _ answer: [UInt8] = reply(finished)
    ) throws -> Run where Method.Parameters: Equatable {
        try Run.against(arguments) { call in
            guard call.method == method.fullName, call.mode == .more else { return nil }
            return (try? call.parameters(as: Method.Parameters.self)) == parameters ? answer : nil
        }
    }

    @Test("a service is closed as the options say")
    func service() throws {
        let kept = try run(
            ["close", "git"], expecting: Manager.CloseService.self, .init(service: "git"),
            reply(ClosingProgress(step: .finished, open: 0, kept: 3)))
        #expect(kept.status == .done && kept.errors.isEmpty)
        #expect(kept.output == "Closed service \"git\": 3 connections: 3 go on.\n")
        let stopped = try run(
            ["close", "git", "--existing=stop", "--deadline=5min", "--grace", "30s"],
            expecting: Manager.CloseService.self,
            .init(service: "git", existing: .stop, grace: 30_000_000, deadline: 300_000_000))
        #expect(
            stopped.output
                == "Closed service \"git\": 17 connections: 12 ended by themselves, 4 ended when asked to, "
                + "1 was killed.\n")
    }

    @Test("a connection is closed, and it is told how it ended")
    func connection() throws {
        let exit = ExitReport(ending: .killed, signal: 15, stopped: true, duration: 65_000_000)
        let result = try run(
            ["close", "--connection=812", "--existing=shutdown", "--deadline=1s"],
            expecting: Manager.CloseConnection.self, .init(id: 812, by: .shutdown, deadline: 1_000_000),
            Reply.encode(Manager.CloseConnection.Result(progress: finished, exit: exit)))
        #expect(result.status == .done)
        #expect(result.output == "Closed connection 812: killed by SIGTERM after 1min 5s.\n")
    }

    @Test("connections are closed by conditions")
    func conditions() throws {
        let progress = ClosingProgress(step: .finished, open: 0, ended: 1, killed: 2, lingering: 2)
        let result = try run(
            ["close", "--peer=192.0.2.1", "--older-than=1h"], expecting: Manager.CloseConnections.self,
            .init(filter: ConnectionFilter(peer: "192.0.2.1", olderThan: 3_600_000_000)), reply(progress))
        #expect(
            result.output
                == "Closed 3 connections: 1 ended by itself, 2 were killed. 2 left processes behind that live on: see "
                + "\"serverctl connections --state lingering\".\n")
        let none = try run(
            ["close", "--service=git"], expecting: Manager.CloseConnections.self,
            .init(filter: ConnectionFilter(service: "git")), reply(ClosingProgress(step: .finished, open: 0)))
        #expect(none.output == "Closed no connections.\n")
    }

    @Test("all services are drained")
    func drain() throws {
        let result = try run(
            ["drain", "--deadline=1min"], expecting: Manager.Drain.self, .init(deadline: 60_000_000))
        #expect(result.output.hasPrefix("Drained all services: 17 connections: "))
    }

    @Test("JSON is the last reply, and quiet is nothing")
    func otherOutputs() throws {
        let answer = reply(ClosingProgress(step: .stopping, open: 1), continues: true) + reply(finished)
        let json = try run(["drain", "--json=short"], expecting: Manager.Drain.self, .init(), answer)
        #expect(json.output.hasPrefix(#"{"progress":{"ended":12,"#) && json.output.split(separator: "\n").count == 1)
        let quiet = try run(["drain", "-q"], expecting: Manager.Drain.self, .init(), answer)
        #expect(quiet.output.isEmpty && quiet.status == .done)
    }

    @Test("progress that stops before the end is a failure")
    func cutOff() throws {
        let result = try Run.against(["close", "git"]) { _ in reply(ClosingProgress(step: .waiting, open: 1)) }
        #expect(result.status == .failed && result.output.isEmpty)
        #expect(result.errors.contains("serverd stopped telling its progress"))
    }

    @Test(
        "what does not go together is wrong usage",
        arguments: [
            [], ["git", "--connection=1"], ["git", "--peer=192.0.2.1"], ["--connection=1", "--peer=::1"],
            ["git", "--deadline=1s"], ["git", "--existing=keep", "--grace=1s"], ["--connection=1", "--existing=keep"],
            ["--connection=1", "--grace=1s"], ["--connection=-1"], ["git", "--existing=kill"],
            ["git", "--existing=stop", "--deadline=5"],
        ])
    func usage(arguments: [String]) {
        let result = Run(["close"] + arguments)
        #expect(result.status == .usage)
        #expect(result.errors.contains("Usage: serverctl close"))
    }
}

@Suite("progress on a terminal")
struct ProgressTests {
    private func lines(_ progress: ClosingProgress, width: Int = 80) -> [String] {
        ProgressFrame(title: "Closing service \"git\"", progress: progress, now: Samples.now, width: width).lines
    }

    @Test("each step says what is open, what is done, and what comes next and when")
    func frames() {
        #expect(
            lines(
                ClosingProgress(
                    step: .waiting, open: 9, ended: 3, nextStep: .stopping,
                    nextStepTimestamp: Samples.now + 11_000_001, deadlineTimestamp: Samples.now + 90_000_000)) == [
                    "Closing service \"git\": 9 of 12 connections open",
                    "[##########------------------------------] 25%",
                    "They may end by themselves. Next: ask them to end in 12s.",
                    "SIGKILL at the latest in 1min 30s.",
                ])
        #expect(
            lines(
                ClosingProgress(
                    step: .stopping, open: 3, services: [.init(service: "git", connections: 3)], ended: 1, stopped: 2,
                    nextStep: .killing, nextStepTimestamp: Samples.now + 5_000_000,
                    deadlineTimestamp: Samples.now + 5_000_000)) == [
                    "Closing service \"git\": 3 of 6 connections open",
                    "[####################--------------------] 50%",
                    "They were asked to end. Next: SIGKILL in 5s.",
                ])
        #expect(
            lines(ClosingProgress(step: .killing, open: 1, deadlineTimestamp: Samples.now)) == [
                "Closing service \"git\": 1 of 1 connection open", "[----------------------------------------] 0%",
                "They were sent SIGKILL.",
            ])
        #expect(
            lines(ClosingProgress(step: .accepting, open: 0, nextStep: .waiting)) == [
                "Closing service \"git\": 0 of 0 connections open",
                "Clients that had connected before are still accepted. Next: wait for them.",
            ])
    }

    @Test("the services that have most open come first")
    func services() {
        let progress = ClosingProgress(
            step: .stopping, open: 6,
            services: [
                .init(service: "b", connections: 1), .init(service: "e\u{1b}", connections: 4),
                .init(service: "a", connections: 1),
            ])
        #expect(lines(progress).last == "Open: e\\x1b 4, a 1, b 1")
        let two = Array(progress.services.prefix(2))
        #expect(lines(ClosingProgress(step: .stopping, open: 5, services: two)).last == "Open: e\\x1b 4, b 1")
    }

    @Test("what comes next comes now when its time has come, and not a microsecond before", arguments: [-1, 0, 1])
    func now(distance: Int64) {
        let progress = ClosingProgress(
            step: .waiting, open: 1, nextStep: .stopping, nextStepTimestamp: Samples.now + distance)
        let time = distance > 0 ? "in 1s" : "now"
        #expect(lines(progress).last == "They may end by themselves. Next: ask them to end \(time).")
    }

    @Test("no line is wider than the terminal", arguments: [1, 2, 9, 20, 39, 40, 41, 48, 80])
    func width(width: Int) {
        let progress = ClosingProgress(
            step: .waiting, open: 6,
            services: [.init(service: "日本", connections: 4), .init(service: "a", connections: 2)], ended: 4,
            nextStep: .killing, nextStepTimestamp: Samples.now)
        #expect(lines(progress, width: width).allSatisfy { PlainWidth.of($0) <= width })
    }

    @Test("a frame is drawn over the one before, and removed at the end")
    func display() {
        var display = ProgressDisplay()
        #expect(display.draw(["a", "b"]) == "\u{1b}[Ka\n\u{1b}[Kb\n\u{1b}[J")
        #expect(display.draw(["c"]) == "\u{1b}[2A\r\u{1b}[Kc\n\u{1b}[J")
        #expect(display.draw([]) == "\u{1b}[1A\r\u{1b}[J")
        #expect(display.draw([]) == "\u{1b}[J")
    }

    @Test("a terminal sees each step and then the closing line")
    func terminal() throws {
        let answer =
            reply(ClosingProgress(step: .stopping, open: 1), continues: true)
            + reply(ClosingProgress(step: .finished, open: 0, stopped: 1))
        let result = try Run.against(["close", "git", "--existing=stop"], isTerminal: true) { _ in answer }
        #expect(result.output.hasPrefix("\u{1b}[KClosing service \"git\": 1 of 1 connection open\n"))
        #expect(
            result.output.hasSuffix(
                "\u{1b}[3A\r\u{1b}[JClosed service \"git\": 1 connection: 1 ended when asked to.\n"))
        let dumb = try withScriptedDaemon { _ in
            answer
        } body: { path in
            Run(["--admin-socket", path, "close", "git"], environment: ["TERM": "dumb"], isTerminal: true)
        }
        #expect(!dumb.output.contains("\u{1b}"))
        for (option, isLast) in [("-q", ""), ("--json=short", "{\"progress\":")] {
            let other = try Run.against(["close", "git", option], isTerminal: true) { _ in answer }
            #expect(other.output.hasPrefix(isLast) && !other.output.contains("Closing"), "\(other.output)")
            #expect(other.output.isEmpty == isLast.isEmpty)
        }
        let plain = try Run.against(["close", "git", "--existing=stop"]) { _ in answer }
        #expect(!plain.output.contains("\u{1b}") && plain.output.split(separator: "\n").count == 1)
    }
}

/// How many columns a text takes that has no marks: East Asian characters take two.
private enum PlainWidth {
    static func of(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + ($1.value >= 0x3000 ? 2 : 1) } }
}

// SPDX-License-Identifier: Apache-2.0
// Every error that the daemon declares, as the message and the exit status that it becomes.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

@Suite("errors of the daemon")
struct ReplyFailureTests {
    private func failure(_ error: VarlinkError) -> Failure {
        Failure(error, calling: "io.serverd.Manager.X", at: "/s", to: "do it")
    }

    @Test(
        "each says why, and what to do",
        arguments: [
            (
                VarlinkError(Manager.NotPermitted(method: "Reload", needs: .operate)), Outcome.notAvailable,
                "not permitted; run serverctl as root, or have a group of yours named in admin_operate of serverd.toml"
            ),
            (
                VarlinkError(Manager.NoSuchConnection(id: 7)), .notAvailable,
                "there is no connection 7: it has ended, or there never was one; \"serverctl connections\" lists all"
            ),
            (
                VarlinkError(Manager.WrongState(service: "git", state: .closed)), .failed,
                "service \"git\" is closed; open it with \"serverctl open\""
            ),
            (
                VarlinkError(Manager.DaemonStopping()), .failed,
                "serverd is ending, and neither opens nor changes anything any more; start it again first"
            ),
            (
                VarlinkError(Manager.InvalidFilter(field: "olderThan", reason: "it is negative")), .usage,
                "--older-than: it is negative"
            ),
            (VarlinkError(Manager.InvalidFilter(reason: "it has no condition")), .usage, "it has no condition"),
            (
                VarlinkError(Manager.InvalidDuration(field: "deadline", reason: "it is before the grace's end")),
                .usage, "--deadline: it is before the grace's end"
            ),
            (
                VarlinkError(Manager.LimitOutOfRange(maxConnections: 0, minimum: 1, maximum: 9)), .usage,
                "the limit 0 is not between 1 and 9; more than 9 need more descriptors: raise LimitNOFILE= in serverd's unit"
            ),
            (
                VarlinkError(Manager.ShutdownNotPossible(reason: .transport, service: "git", id: 7)), .failed,
                "connection 7 of service \"git\" is not TCP, and a program has its stream; nothing was changed; "
                    + "use --existing=stop"
            ),
            (
                VarlinkError(Manager.NotConnectable(service: "git")), .failed,
                "service \"git\" does not have \"connect = true\" in its configuration; add it there, and reload"
            ),
            (
                VarlinkError(Manager.ServiceFull(service: "git", connectionLimit: 5)), .failed,
                "service \"git\" has as many connections as it may, 5; try again later, or raise its limit with "
                    + "\"serverctl set-limit\""
            ),
            (
                VarlinkError(Manager.TooManyClients(limit: 8)), .failed,
                "serverd has as many clients as it takes, 8; end other serverctl processes, or run it as root, for "
                    + "whom there is a reserve"
            ),
            (
                VarlinkError(Manager.ReplyTooLong(length: 9, limit: 8)), .failed,
                "the reply has 9 bytes, and may have 8; ask for less"
            ),
            (
                VarlinkError("a.b.C", ["x": 1]), .failed, "io.serverd.Manager.X at /s failed: a.b.C {\"x\":1}"
            ),
        ] as [(VarlinkError, Outcome, String)])
    func declared(error: VarlinkError, status: Outcome, reason: String) {
        let isEnd = error.name == Manager.DaemonStopping.fullName
        #expect(failure(error) == Failure(status: status, message: "cannot do it: \(reason)", isEnd: isEnd))
    }

    @Test("every obstacle to a shutdown is told", arguments: ShutdownObstacle.allCases)
    func obstacles(reason: ShutdownObstacle) {
        let message = failure(VarlinkError(Manager.ShutdownNotPossible(reason: reason, service: "git"))).message
        #expect(message.contains("service \"git\"") && message.hasSuffix("nothing was changed; use --existing=stop"))
    }

    @Test(
        "a daemon that does not know the method is older",
        arguments: [VarlinkError.methodNotFound("io.serverd.Manager.X"), .methodNotImplemented("io.serverd.Manager.X")])
    func older(error: VarlinkError) {
        let message = failure(error).message
        #expect(message.hasPrefix("cannot do it: the serverd at /s does not know io.serverd.Manager.X; it is older"))
        #expect(message.hasSuffix("restart it if it was upgraded, else upgrade it"))
    }

    @Test("a daemon that refuses a client and closes at once is heard")
    func refusedAtOnce() throws {
        let result = try Run.against(["list"]) { _ in Reply.encode(VarlinkError(Manager.TooManyClients(limit: 8))) }
        #expect(result.status == .failed)
        #expect(result.errors.hasPrefix("serverctl: cannot list the services: serverd has as many clients"))
    }
}

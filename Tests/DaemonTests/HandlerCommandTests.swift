// SPDX-License-Identifier: Apache-2.0
// From a program as it is configured to the command that is executed.

import Supervision
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("HandlerCommand of a definition")
struct HandlerCommandTests {
    static func command(
        _ program: ProgramDefinition, as identity: ProcessIdentity = .ordinary, environment: [String: String] = [:]
    ) throws -> HandlerCommand {
        let name = try #require(ServiceName("git"))
        return HandlerCommand(program, service: name, as: identity, environment: environment)
    }

    @Test("path, arguments, directory and umask are taken over")
    func parts() throws {
        let command = try Self.command(
            ProgramDefinition(path: "/bin/x", arguments: ["-a", "b c"], workingDirectory: "/srv", umask: 0o077))
        #expect(command.service == "git")
        #expect(command.path == "/bin/x")
        #expect(command.arguments == ["/bin/x", "-a", "b c"])
        #expect(command.workingDirectory == "/srv")
        #expect(command.umask == 0o077)
        #expect(command.account == nil)
    }

    @Test("variables are passed on if they are set, no others, and configured ones win")
    func environment() throws {
        let program = ProgramDefinition(
            path: "/bin/x", environment: ["A": "configured", "B": "2"], passEnvironment: ["A", "C", "UNSET", "C"])
        let command = try Self.command(program, environment: ["A": "own", "C": "passed", "SECRET": "no"])
        #expect(command.environment == ["A": "configured", "B": "2", "C": "passed"])
    }

    @Test(
        "the user is changed by root alone; the account's variables are there for everyone", arguments: [false, true])
    func account(isRoot: Bool) throws {
        let account = Account(
            name: "git", uid: 7, gid: 8, supplementaryGroups: [8, 9], home: "/srv/git", shell: "/bin/x")
        let root = ProcessIdentity(users: [0], groups: [0], supplementaryGroups: [0])
        let command = try Self.command(
            ProgramDefinition(path: "/bin/x", account: account), as: isRoot ? root : .ordinary)
        #expect(command.changesIdentity == isRoot)
        #expect(
            command.account
                == HandlerAccount(uid: 7, gid: 8, groups: [8, 9], name: "git", home: "/srv/git", shell: "/bin/x"))
    }

    @Test("an identity that is the daemon's own to the last group is not changed to; any difference is")
    func sameIdentity() throws {
        let account = Account(name: "root", uid: 0, gid: 0, supplementaryGroups: [0])
        let program = ProgramDefinition(path: "/bin/x", account: account)
        var identity = ProcessIdentity(users: [0], groups: [0], supplementaryGroups: [0])
        #expect(try !Self.command(program, as: identity).changesIdentity)
        identity.supplementaryGroups = [0, 4]
        #expect(try Self.command(program, as: identity).changesIdentity)
        identity.supplementaryGroups = [0]
        identity.groups = [0, 5]
        #expect(try Self.command(program, as: identity).changesIdentity)
        identity.groups = [0]
        identity.users = [0, 6]
        #expect(try Self.command(program, as: identity).changesIdentity)
    }
}

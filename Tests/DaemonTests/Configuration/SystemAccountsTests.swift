// SPDX-License-Identifier: Apache-2.0
// The system's user database as the configuration asks it, on entries that every Linux has.

import Glibc
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("the system's accounts")
struct SystemAccountsTests {
    private let accounts = AccountDirectory.system()

    @Test("a user is found by name and by number")
    func users() throws {
        let root = try #require(try accounts.user(.name("root")))
        #expect(root.uid == 0 && root.gid == 0 && root.home.hasPrefix("/") && root.shell.hasPrefix("/"))
        #expect(try accounts.user(.number(0)) == root)
        #expect(try accounts.user(.name("root")) == root)
    }

    @Test("a group is found by name and by number")
    func groups() throws {
        #expect(try accounts.group(.name("root")) == 0)
        #expect(try accounts.group(.number(0)) == 0)
        #expect(accounts.groupName(0) == "root")
        #expect(accounts.groupName(4_242_424_242) == nil)
    }

    @Test("who is not there is nil, not an error")
    func absent() throws {
        for name in ["no-such-user", "", "a:b", String(repeating: "x", count: 10_000)] {
            #expect(try accounts.user(.name(name)) == nil)
            #expect(try accounts.group(.name(name)) == nil)
        }
        #expect(try accounts.user(.number(4_242_424_242)) == nil)
        #expect(try accounts.group(.number(4_242_424_242)) == nil)
    }

    @Test("the groups of a user include the one that was asked for")
    func memberships() throws {
        #expect(try accounts.groups("root", 0).contains(0))
        #expect(try accounts.groups("root", 4242).contains(4242))
        #expect(try accounts.groups("no-such-user", 7) == [7])
    }

    @Test("names are offered for what is misspelt")
    func names() {
        for kind in [AccountKind.user, .group] {
            let names = accounts.names(kind)
            #expect(names.contains("root") && names.allSatisfy { !$0.isEmpty && !$0.contains(":") })
        }
    }

    @Test("the context is that of this process")
    func context() {
        let context = ConfigurationContext.current()
        #expect(context.uid == geteuid() && context.gid == getegid() && context.isRoot == (geteuid() == 0))
    }
}

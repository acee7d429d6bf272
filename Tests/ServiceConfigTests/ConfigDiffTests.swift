// SPDX-License-Identifier: Apache-2.0
// The difference between two configurations: what changes, when it is felt, what becomes of listeners, who is dropped.

import Policy
import ServiceConfig
import Testing

@Suite("the difference of two configurations")
struct ConfigDiffTests {
    /// The difference between configurations whose services have these texts after `builtin = "echo"`.
    private func diff(_ old: [(String, String)], _ new: [(String, String)]) throws -> ConfigDiff {
        let files = { (texts: [(String, String)]) in
            texts.map { ("\($0).toml", $1.contains("exec =") ? $1 : "builtin = \"echo\"\n\($1)") }
        }
        return try ConfigDiff(from: configuration(files(old)), to: configuration(files(new)))
    }

    /// What changes from one text of service x to another.
    private func change(_ old: String, _ new: String) throws -> ServiceDiff {
        try #require(try diff([("x", old)], [("x", new)]).services.first)
    }

    private func kind(_ service: ServiceDiff) -> String {
        switch service.kind {
        case .added: "added"
        case .removed: "removed"
        case .changed: "changed"
        case .unchanged: "unchanged"
        }
    }

    private func settings(_ changes: [SettingChange]) -> [String] {
        changes.map { "\($0.key): \($0.old ?? "-") -> \($0.new ?? "-"), \($0.effect)" }
    }

    private func listeners(_ service: ServiceDiff) -> [String] {
        service.listeners.map { change in
            switch change.action {
            case .keep: "keep \(change.address)"
            case .replace: "replace \(change.address)"
            case .close: "close \(change.address)"
            case .open(let others):
                "open \(change.address)" + others.map { " after \($0.service) \($0.address)" }.joined()
            }
        }
    }

    @Test("nothing changes from a configuration to itself, also when its lines move")
    func nothing() throws {
        let diff = try diff(
            [("a", "listen = 1"), ("b", "listen = 2\nenabled = false")],
            [("b", "\nenabled = false\nlisten = 2"), ("a", "# moved\nlisten = 1")])
        #expect(diff.isEmpty && diff.settings == [] && diff.drained == [])
        #expect(diff.services.map(kind) == ["unchanged", "unchanged"])
        #expect(diff.services.map(listeners) == [["keep 1"], []])
        #expect(try ConfigDiff(from: configuration([]), to: configuration([])).isEmpty)
    }

    @Test("an unchanged service carries its new definition, whose origin may be another")
    func newOrigin() throws {
        guard case .unchanged(let service) = try change("listen = 1", "\n\nlisten = 1").kind else {
            Issue.record("it is changed")
            return
        }
        #expect(service.origin.line == 4)
    }

    @Test("services come, go, change and stay, sorted by name")
    func kinds() throws {
        let diff = try diff(
            [("d", "listen = 4"), ("b", "listen = 2"), ("c", "listen = 3")],
            [("c", "listen = 3\nbacklog = 1"), ("e", "listen = 5"), ("a", "listen = 1"), ("b", "listen = 2")])
        #expect(diff.services.map(\.name.description) == ["a", "b", "c", "d", "e"])
        #expect(diff.services.map(kind) == ["added", "unchanged", "changed", "removed", "added"])
        #expect(diff.services.map(listeners) == [["open 1"], ["keep 2"], ["keep 3"], ["close 4"], ["open 5"]])
        #expect(diff.services.allSatisfy { $0.settings.isEmpty == (kind($0) != "changed") })
        #expect(diff.drained.map(\.description) == ["d"] && !diff.isEmpty)
    }

    @Test("a service that is switched off drains, one that is switched on opens")
    func enabled() throws {
        let off = try change("listen = 1", "listen = 1\nenabled = false")
        #expect(kind(off) == "changed" && off.isDrained && listeners(off) == ["close 1"])
        #expect(settings(off.settings) == ["enabled: true -> false, listeners"])
        let on = try change("listen = 1\nenabled = false", "listen = 1")
        #expect(!on.isDrained && listeners(on) == ["open 1"])
        let never = try change("listen = 1\nenabled = false", "listen = [1, 2]\nenabled = false")
        #expect(!never.isDrained && listeners(never) == [])
        #expect(settings(never.settings) == ["listen: 1 -> [1, 2], listeners"])
        let removed = try diff([("x", "listen = 1\nenabled = false")], [])
        #expect(removed.drained == [] && removed.services.map(listeners) == [[]] && !removed.isEmpty)
    }

    @Test("addresses that stay are kept, in the order of the new definition; those given up follow in that of the old")
    func addresses() throws {
        let change = try change("listen = [5, 1, 2, \"127.0.0.1:0\"]", "listen = [\"127.0.0.1:0\", 3, 2, 4]")
        #expect(listeners(change) == ["keep 127.0.0.1:0", "open 3", "keep 2", "open 4", "close 5", "close 1"])
        #expect(!change.isDrained)
        let reordered = try self.change("listen = [1, 2]", "listen = [2, 1]")
        #expect(kind(reordered) == "changed" && listeners(reordered) == ["keep 2", "keep 1"])
    }

    @Test("an address that goes to another service is opened there after it was closed here")
    func movedAddress() throws {
        let renamed = try diff([("old", "listen = 79")], [("new", "listen = 79")])
        #expect(renamed.services.map(listeners) == [["open 79 after old 79"], ["close 79"]])
        #expect(renamed.drained.map(\.description) == ["old"])
        let swapped = try diff(
            [("a", "listen = \"/run/a\""), ("b", "listen = \"fd:b\"")],
            [("a", "listen = \"fd:b\""), ("b", "listen = \"/run/a\"")])
        #expect(
            swapped.services.map(listeners) == [
                ["open fd:b after b fd:b", "close /run/a"], ["open /run/a after a /run/a", "close fd:b"],
            ])
        #expect(swapped.drained == [])
    }

    @Test("what overlaps with an address is closed before that is opened, what does not is left out")
    func overlaps() throws {
        let wider = try change("listen = [\"127.0.0.1:79\", \"[::1]:79\", \"127.0.0.1:80\"]", "listen = 79")
        #expect(listeners(wider).first == "open 79 after x 127.0.0.1:79 after x [::1]:79")
        let other = try change("listen = \"127.0.0.1:79\"", "listen = \"127.0.0.2:79\"")
        #expect(listeners(other) == ["open 127.0.0.2:79", "close 127.0.0.1:79"])
        let family = try change("listen = \"0.0.0.0:79\"", "listen = [\"127.0.0.1:79\", \"[::1]:79\"]")
        #expect(listeners(family).prefix(2) == ["open 127.0.0.1:79 after x 0.0.0.0:79", "open [::1]:79"])
        // A service that was not served has nothing to close, and a port that the system chooses is in nobody's way.
        let disabled = try diff([("a", "listen = 79\nenabled = false")], [("b", "listen = 79")])
        #expect(disabled.services.map(listeners) == [[], ["open 79"]])
        #expect(try diff([("a", "listen = 0")], [("b", "listen = 0")]).services.map(listeners).last == ["open 0"])
    }

    @Test("a socket file with another mode or owner is made anew, other listeners are kept")
    func socketFiles() throws {
        let old = "listen = [79, \"/run/x\", \"@x\"]"
        for key in ["socket_mode = \"600\"", "socket_user = 1000", "socket_group = \"staff\""] {
            let change = try change(old, "\(old)\n\(key)")
            #expect(listeners(change) == ["keep 79", "replace /run/x", "keep @x"])
            #expect(change.settings.map(\.effect) == [.listeners])
        }
    }

    @Test("what is felt at once is told apart from what new connections feel")
    func effects() throws {
        let old = "listen = 79\nexec = [\"/bin/x\"]\nuser = \"git\"\n"
        let effect = { (key: String) in try self.change(old, old + key).settings.map { "\($0.key) \($0.effect)" } }
        for key in [
            "description = \"x\"", "max_connections = 5", "backlog = 7", "on_handler_error = \"raise\"",
            "connect = true", "allow_shutdown = true",
        ] {
            #expect(try effect(key) == ["\(key.prefix { $0 != " " }) atOnce"])
        }
        for key in [
            "group = \"staff\"", "environment = { A = \"1\" }", "pass_environment = [\"TZ\"]",
            "working_directory = \"/srv\"", "umask = \"077\"", "success_exit_status = [1]",
            "resources = { tasks = 1 }",
        ] {
            #expect(try effect(key).contains("\(key.prefix { $0 != " " }) newConnections"))
        }
        let program = try change(old, old.replacing("/bin/x", with: "/bin/y").replacing("git", with: "root"))
        #expect(
            settings(program.settings) == [
                "exec: [\"/bin/x\"] -> [\"/bin/y\"], newConnections", "user: \"git\" -> \"root\", newConnections",
                "group: 1000 -> 0, newConnections",
            ])
    }

    @Test("a program in place of a built-in is one change, not one of every key")
    func otherHandler() throws {
        let change = try change(
            "listen = 79", "listen = 79\nexec = [\"/bin/x\"]\nuser = \"git\"\numask = \"000\"\nmax_connections = 1")
        #expect(
            settings(change.settings) == [
                "exec: - -> [\"/bin/x\"], newConnections", "builtin: \"echo\" -> -, newConnections",
                "max_connections: - -> 1, atOnce",
            ])
        let file = try self.change("listen = 79", "listen = \"/run/x\"\nsocket_mode = \"600\"")
        #expect(settings(file.settings) == ["listen: 79 -> \"/run/x\", listeners"])
    }

    @Test("a user or a group that means something else by now is a change, though no file was touched")
    func meanings() throws {
        let text = "listen = 79\nexec = [\"/bin/x\"]\nuser = \"git\"\n"
        let main = SourceFile(path: "serverd.toml", text: "admin_read = [\"staff\"]\nadmin_connect = [\"git\"]")
        let load = { (accounts: AccountDirectory) in
            try Configuration(
                main: main, services: [SourceFile(path: "x.toml", text: text)],
                context: ConfigurationContext(uid: 0, gid: 0, accounts: accounts))
        }
        let moved = AccountDirectory(
            user: testAccounts.user,
            group: { key throws(AccountLookupFailure) in
                key == .name("staff") ? 51 : try testAccounts.group(key)
            }, groups: { _, gid in [gid, 51] })
        let diff = try ConfigDiff(from: load(testAccounts), to: load(moved))
        #expect(settings(diff.settings) == ["admin_read: [\"staff\"] (gid 50) -> [\"staff\"] (gid 51), atOnce"])
        let user = { (groups: String) in
            "\"git\" (uid 1000, groups \(groups), home \"/srv/git\", shell \"/bin/sh\")"
        }
        #expect(
            try settings(#require(diff.services.first).settings) == [
                "user: \(user("1000 50 60")) -> \(user("1000 51")), newConnections"
            ])
    }

    @Test("a group's name that stands for another number by now is told with both numbers")
    func groupNumbers() throws {
        let text = """
            listen = "/run/x"
            exec = ["/bin/x"]
            user = "git"
            group = "staff"
            socket_group = "staff"
            """
        let load = { (accounts: AccountDirectory) in
            try configuration([("x.toml", text)], as: ConfigurationContext(uid: 0, gid: 0, accounts: accounts))
        }
        let moved = accounts(groups: ["staff": 51])
        let diff = try ConfigDiff(from: load(testAccounts), to: load(moved))
        let told = try settings(#require(diff.services.first).settings)
        #expect(told.contains("group: \"staff\" (gid 50) -> \"staff\" (gid 51), newConnections"))
        #expect(told.contains("socket_group: \"staff\" (gid 50) -> \"staff\" (gid 51), listeners"))
        #expect(diff.services.first.map(listeners) == ["replace /run/x"])
    }

    @Test("the daemon's own settings change at once")
    func daemon() throws {
        let load = { (text: String) in
            try Configuration(main: SourceFile(path: "serverd.toml", text: text), services: [], context: asRoot)
        }
        let diff = try ConfigDiff(
            from: load("admin_operate = [\"git\"]"), to: load("stop_timeout = \"1s\"\nadmin_operate = [\"staff\"]"))
        #expect(
            settings(diff.settings) == [
                "stop_timeout: \"10s\" -> \"1s\", atOnce", "admin_operate: [\"git\"] -> [\"staff\"], atOnce",
            ])
        #expect(!diff.isEmpty && diff.services == [])
    }
}

// SPDX-License-Identifier: Apache-2.0
// What concerns the admin socket: the groups in serverd.toml, what they permit, and the two keys of services.

import ServiceConfig
import Testing

@Suite("keys of the admin socket")
struct AdminKeysTests {
    private func access(_ text: String, as context: ConfigurationContext = asRoot) throws(ConfigErrors) -> AdminAccess {
        try Configuration(main: SourceFile(path: "serverd.toml", text: text), services: [], context: context)
            .settings.access
    }

    private func accessErrors(_ text: String) -> [ConfigError] {
        do {
            _ = try access(text)
            return []
        } catch {
            return error.errors
        }
    }

    private func permissions(_ access: AdminAccess, uid: UInt32, groups: [UInt32]) -> Set<AdminAccess.Permission> {
        Set(AdminAccess.Permission.allCases.filter { access.permits($0, uid: uid, groups: groups) })
    }

    @Test("without a word in the configuration only root has access")
    func nothingSaid() throws {
        let access = try access("")
        #expect(access == AdminAccess() && access.isRootOnly)
        #expect(permissions(access, uid: 0, groups: []) == [.read, .operate, .connect])
        #expect(permissions(access, uid: 1000, groups: [0, 1000]) == [])
    }

    @Test("each key names groups by name or number, each once, in their order")
    func groups() throws {
        let text = """
            admin_read = ["staff", 4, "4", "staff"]
            admin_operate = ["git"]
            admin_connect = []
            """
        let expected = AdminAccess(
            readers: [Group(name: "staff", gid: 50), Group(name: "4", gid: 4)],
            operators: [Group(name: "git", gid: 1000)])
        #expect(try access(text) == expected)
        #expect(!expected.isRootOnly)
        for key in ["admin_read", "admin_operate", "admin_connect"] {
            #expect(try !access("\(key) = [50]").isRootOnly)
        }
    }

    @Test("operators may read too, connecting is permitted by itself, and the daemon's own user may nothing")
    func permissions() {
        let access = AdminAccess(
            readers: [Group(name: "r", gid: 1)], operators: [Group(name: "o", gid: 2)],
            connectors: [Group(name: "c", gid: 3)])
        #expect(permissions(access, uid: 5, groups: [1]) == [.read])
        #expect(permissions(access, uid: 5, groups: [9, 2]) == [.read, .operate])
        #expect(permissions(access, uid: 5, groups: [3]) == [.connect])
        #expect(permissions(access, uid: 5, groups: [3, 1]) == [.connect, .read])
        #expect(permissions(access, uid: 5, groups: [0, 4]) == [])
        #expect(permissions(access, uid: 0, groups: [4]) == [.read, .operate, .connect])
    }

    @Test("the group serverd may read where there is one, and is not listed twice")
    func standardGroup() throws {
        let withGroup = ConfigurationContext(
            uid: 0, gid: 0, accounts: accounts(groups: ["serverd": 990, "staff": 50]))
        let serverd = Group(name: "serverd", gid: 990)
        #expect(try access("", as: withGroup) == AdminAccess(readers: [serverd]))
        #expect(try Configuration(main: nil, services: [], context: withGroup).settings.access.readers == [serverd])
        let staff = Group(name: "staff", gid: 50)
        #expect(try access("admin_read = [\"staff\", \"serverd\"]", as: withGroup).readers == [serverd, staff])
    }

    @Test("a user database that cannot be asked for the group serverd gives nobody access")
    func brokenDatabase() throws {
        let broken = AccountDirectory(
            user: { _ in nil }, group: { _ throws(AccountLookupFailure) in throw AccountLookupFailure(reason: "no") },
            groups: { _, gid in [gid] })
        let context = ConfigurationContext(uid: 0, gid: 0, accounts: broken)
        #expect(try access("", as: context).isRootOnly)
    }

    @Test(
        "an unknown group is an error at its place, with the nearest name", arguments: ["read", "operate", "connect"])
    func unknownGroup(permission: String) {
        let errors = accessErrors("\nadmin_\(permission) = [\"git\", \"staf\"]")
        #expect(errors.map(\.message) == ["there is no group `staf`"])
        #expect(errors.first?.line == 2 && errors.first?.column == "admin_ = [\"git\", ".count + permission.count + 1)
        #expect(errors.first?.suggestion == "staff")
        #expect(accessErrors("admin_\(permission) = [\"wheel\"]").map(\.suggestion) == [nil])
    }

    @Test(
        "whatever is not a list of groups is an error",
        arguments: [
            ("\"staff\"", "`admin_read` is a text"), ("50", "`admin_read` is a whole number"),
            ("true", "`admin_read` is a boolean"), ("{}", "`admin_read` is a table"),
            ("1.5", "`admin_read` is a fraction"), ("1979-05-27", "`admin_read` is a date or a time"),
            ("[[\"staff\"]]", "`admin_read` is a list"), ("[true]", "`admin_read` is a boolean"),
            ("[-1]", "`admin_read` is not a name and not a number of one"),
            ("[4294967295]", "`admin_read` is not a name and not a number of one"),
            ("[\"\"]", "`admin_read` is not a name and not a number of one"),
            ("[\"a\\u0000b\"]", "`admin_read` has a NUL character in it"),
            ("[\"broken\"]", "group `broken` cannot be looked up: Input/output error"),
        ])
    func notGroups(value: String, message: String) {
        #expect(accessErrors("admin_read = \(value)").map(\.message) == [message])
    }

    @Test("the largest group number is allowed, and one error hides no other")
    func limits() throws {
        #expect(try access("admin_read = [0, 4294967294]").readers.map(\.gid) == [0, 4_294_967_294])
        #expect(accessErrors("admin_read = [\"x1\", \"x2\"]\nadmin_operate = 7").count == 3)
    }

    @Test("a key of services written into serverd.toml is told where it belongs, and the other way round")
    func misplaced() {
        #expect(accessErrors("connect = true").first?.expected?.contains("services.d/NAME.toml") == true)
        #expect(echoErrors("admin_read = []") == ["unknown key `admin_read`"])
    }

    @Test("connect is for every service, allow_shutdown for programs on TCP")
    func serviceKeys() throws {
        #expect(try service("listen = 7\nbuiltin = \"echo\"\nconnect = true").allowsConnect)
        #expect(try !service("listen = 7\nbuiltin = \"echo\"\nconnect = false").allowsConnect)
        #expect(try program("allow_shutdown = true").allowsShutdown)
        #expect(try !program("allow_shutdown = false").allowsShutdown)
        #expect(echoErrors("allow_shutdown = false").first?.contains("a built-in runs inside serverd") == true)
        let text = { (listen: String) in
            "listen = \(listen)\nexec = [\"/bin/x\"]\nuser = \"git\"\nallow_shutdown = true"
        }
        for listen in ["79", "[\"/run/x\", 79]", "\"fd:x\"", "\"[::1]:79\""] {
            #expect(errors(text(listen)).isEmpty)
        }
        for listen in ["\"/run/x\"", "[\"/run/x\", \"@x\"]"] {
            #expect(
                errors(text(listen)).map(\.message) == [
                    "`allow_shutdown` has nothing to apply to: the service listens on Unix sockets only"
                ])
        }
        // Where it listens is wrong: that is the error to mend first.
        #expect(errors(text("\"run/x\"")).map(\.message) == ["`run/x` is not an absolute path"])
    }

    @Test("what is not true or false is an error", arguments: ["connect", "allow_shutdown"])
    func notBoolean(key: String) {
        for (value, kind) in [("\"yes\"", "a text"), ("1", "a whole number"), ("[]", "a list"), ("{}", "a table")] {
            let errors = errors("listen = 7\nexec = [\"/bin/x\"]\nuser = \"git\"\n\(key) = \(value)")
            #expect(errors.map(\.message) == ["`\(key)` is \(kind)"])
            #expect(errors.first?.line == 4 && errors.first?.column == key.count + 4)
        }
        let misspelt = errors("listen = 7\nexec = [\"/bin/x\"]\nuser = \"git\"\n\(key.dropLast()) = true")
        #expect(misspelt.map(\.suggestion) == [key])
    }
}

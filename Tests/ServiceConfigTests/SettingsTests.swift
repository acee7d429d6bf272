// SPDX-License-Identifier: Apache-2.0
// The settings in effect with their origins; and that what is told is what a file would have to say.

import Policy
import ServiceConfig
import Testing

/// The configuration that the settings in effect of `configuration` define, written into files of their own.
func configurationBack(
    from configuration: Configuration, context: ConfigurationContext
) throws -> Configuration {
    let text = { (settings: [Setting]) in
        settings.compactMap { setting in setting.value.map { "\(setting.key) = \($0)\n" } }.joined()
    }
    let services = configuration.services.map { service in
        SourceFile(
            path: "\(service.name).toml", text: text(configuration.settings(of: service.name) ?? []))
    }
    return try Configuration(
        main: SourceFile(path: "serverd.toml", text: text(configuration.daemonSettings)), services: services,
        context: context)
}

@Suite("settings in effect")
struct SettingsTests {
    /// The settings of service x.
    private func lines(_ configuration: Configuration) -> [String] {
        let settings = ServiceName("x").flatMap { configuration.settings(of: $0) } ?? []
        return settings.map { "\($0.key) = \($0.value ?? "-") @ \($0.origin)" }
    }

    @Test("each has its value and the line that it came from, or says that it is the default")
    func origins() throws {
        let text = """
            # Git

            exec = ["/usr/bin/git", "a \\"b\\""]
            max_connections = 5
            listen = [ "127.0.0.1:79",
                "/run/x.sock", 80 ]
            user = "git"
            connect = true
            [environment]
            LANG = "C"
            A = "é\\u001b"
            """
        #expect(
            try lines(configuration([("services.d/x.toml", text)])) == [
                "description = \"\" @ default",
                "enabled = true @ default",
                "listen = [\"127.0.0.1:79\", \"/run/x.sock\", 80] @ services.d/x.toml:5",
                "exec = [\"/usr/bin/git\", \"a \\\"b\\\"\"] @ services.d/x.toml:3",
                "user = \"git\" @ services.d/x.toml:7",
                "group = 1000 @ default",
                "environment = { A = \"é\\u001b\", LANG = \"C\" } @ services.d/x.toml:9",
                "pass_environment = [] @ default",
                "working_directory = \"/\" @ default",
                "umask = \"022\" @ default",
                "success_exit_status = [] @ default",
                "allow_shutdown = false @ default",
                "resources = - @ default",
                "max_connections = 5 @ services.d/x.toml:4",
                "backlog = 4096 @ default",
                "on_handler_error = \"ignore\" @ default",
                "connect = true @ services.d/x.toml:8",
                "socket_mode = \"666\" @ default",
                "socket_user = - @ default",
                "socket_group = - @ default",
            ])
    }

    @Test("users and groups have the names that a file would say; who has none, the number; modes are octal")
    func names() throws {
        let named = AccountDirectory(
            user: testAccounts.user, group: testAccounts.group, groups: testAccounts.groups,
            groupName: { $0 == 1000 ? "git" : nil })
        let context = ConfigurationContext(uid: 0, gid: 0, accounts: named)
        let text = "listen = \"/run/x\"\nexec = [\"/bin/x\"]\n"
        func shown(_ more: String) throws -> [String] {
            try lines(configuration([("x.toml", text + more)], as: context)).filter {
                $0.hasPrefix("group") || $0.hasPrefix("socket")
            }.map { String($0.prefix { $0 != "@" }.dropLast()) }
        }
        #expect(
            try shown("user = \"git\"") == [
                "group = \"git\"", "socket_mode = \"666\"", "socket_user = -", "socket_group = -",
            ])
        #expect(try shown("user = \"nobody\"").first == "group = 65534")
        #expect(
            try shown(
                "user = 1000\ngroup = \"staff\"\nsocket_mode = \"0640\"\nsocket_user = 1000\nsocket_group = \"staff\"")
                == ["group = \"staff\"", "socket_mode = \"640\"", "socket_user = \"git\"", "socket_group = \"staff\""])
        #expect(
            try shown("user = 1000\ngroup = 7\nsocket_user = 7\nsocket_group = \"8\"")
                == ["group = 7", "socket_mode = \"666\"", "socket_user = 7", "socket_group = 8"])
    }

    @Test("a built-in has no settings of programs, and a port none of socket files")
    func applicable() throws {
        #expect(
            try lines(configuration([("x.toml", "builtin = \"echo\"\nlisten = 7")])) == [
                "description = \"\" @ default", "enabled = true @ default", "listen = 7 @ x.toml:2",
                "builtin = \"echo\" @ x.toml:1", "max_connections = - @ default", "backlog = 4096 @ default",
                "on_handler_error = \"ignore\" @ default", "connect = false @ default",
            ])
    }

    @Test("those of the daemon have origins too, with and without a file")
    func daemon() throws {
        let lines = { (configuration: Configuration) in
            configuration.daemonSettings.map { "\($0.key) = \($0.value ?? "-") @ \($0.origin)" }
        }
        let main = SourceFile(path: "serverd.toml", text: "\nstop_timeout = \"1500ms\"\nadmin_read = [50]")
        #expect(
            lines(try Configuration(main: main, services: [], context: asRoot)) == [
                "drain_timeout = \"30s\" @ default", "stop_timeout = \"1s 500ms\" @ serverd.toml:2",
                "admin_read = [\"50\"] @ serverd.toml:3", "admin_operate = [] @ default",
                "admin_connect = [] @ default",
            ])
        let nothing = try Configuration(main: nil, services: [], context: asRoot)
        #expect(nothing.daemonSettings.allSatisfy { $0.origin == .standard })
    }

    @Test("a service that is not there has none, and each one is found by its name")
    func lookup() throws {
        let names = ["a", "b", "c", "d", "e"]
        let configuration = try configuration(names.map { ("\($0).toml", "listen = 0\nbuiltin = \"echo\"") })
        for name in names.compactMap({ ServiceName($0) }) { #expect(configuration[name]?.name == name) }
        for name in ["A", "aa", "cc", "z"].compactMap({ ServiceName($0) }) {
            #expect(configuration[name] == nil && configuration.settings(of: name) == nil)
        }
    }

    @Test("a file with the settings in effect defines the same service")
    func roundTrip() throws {
        let text = """
            description = "tab\\"\\\\ 'quotes' é 大"
            enabled = false
            listen = ["[fe80::1%1]:9418", "/run/ü\\"\\n.sock", "@git\\u0001\\u202e", "fd:git", 0]
            exec = ["/usr/bin/git", "\\t\\u007f\\u0085\\u2028\\U0001f600\\U000e0001", ""]
            user = 4242
            group = "staff"
            environment = { LANG = "", _x1 = "=\\r\\n" }
            pass_environment = ["TZ", "A"]
            working_directory = "/srv/ git"
            umask = "007"
            max_connections = 1
            backlog = 1
            on_handler_error = "raise"
            connect = true
            allow_shutdown = true
            resources = { cpu = "150%", memory = "1536K", tasks = 4194304 }
            success_exit_status = [0, 255, 1, "SIGTERM", "SIGHUP"]
            socket_mode = "000"
            socket_user = 7
            socket_group = 8
            """
        let main = SourceFile(
            path: "serverd.toml",
            text: "drain_timeout = \"0s\"\nadmin_read = [\"staff\"]\nadmin_operate = [7]\nadmin_connect = [\"git\"]")
        let configuration = try Configuration(
            main: main, services: [SourceFile(path: "x.toml", text: text)], context: asRoot)
        #expect(try configurationBack(from: configuration, context: asRoot) == configuration)
        let values = (configuration.services.compactMap { configuration.settings(of: $0.name) }.flatMap { $0 })
            .compactMap(\.value)
        #expect(values.allSatisfy { SafeText.escape($0) == $0 })
    }
}

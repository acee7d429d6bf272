// SPDX-License-Identifier: Apache-2.0
// Each key of a service file: its default, its values, its limits and the mistakes people make with it.

import Policy
import ServiceConfig
import Testing

@Suite("keys of a service")
struct ServiceKeysTests {
    @Test("a service with nothing but its two necessary keys has the documented defaults")
    func defaults() throws {
        let service = try service("listen = 7\nbuiltin = \"echo\"")
        #expect(service.name.description == "x")
        #expect(service.description == "" && service.isEnabled)
        #expect(service.listen == [.everyAddress(port: 7)])
        #expect(service.handler == .builtIn(.echo))
        #expect(service.maxConnections == nil && service.backlog == 4096)
        #expect(service.onHandlerError == .ignore && !service.allowsConnect)
        #expect(service.socketFile == SocketFileOptions(mode: 0o666, user: nil, group: nil))
        #expect(service.origin.file == "x.toml" && service.origin.line == 1)
    }

    @Test("every key of a service with a program arrives in its definition")
    func everyKey() throws {
        let text = """
            description = "Git repositories"
            enabled = false
            listen = ["127.0.0.1:9418", "/run/git.sock"]
            exec = ["/usr/bin/git", "daemon", "--inetd"]
            user = "git"
            group = "staff"
            environment = { LANG = "C.UTF-8", _x1 = "" }
            pass_environment = ["TZ", "TZ", "PATH"]
            working_directory = "/srv/git"
            umask = "027"
            max_connections = 50
            backlog = 10
            on_handler_error = "raise"
            connect = true
            allow_shutdown = true
            resources = { memory = "64M", tasks = 16, cpu = "50%" }
            success_exit_status = [1, 255, "SIGTERM", "SIGPIPE"]
            socket_mode = "0660"
            socket_user = "git"
            socket_group = "staff"
            """
        let inet = InetAddress(ip: .loopbackV4, port: 9418)
        let account = Account(
            name: "git", uid: 1000, gid: 50, groupName: "staff", supplementaryGroups: [50, 50, 60], home: "/srv/git",
            shell: "/bin/sh")
        let program = ProgramDefinition(
            path: "/usr/bin/git", arguments: ["daemon", "--inetd"], account: account,
            environment: ["LANG": "C.UTF-8", "_x1": ""], passEnvironment: ["TZ", "PATH"],
            workingDirectory: "/srv/git", umask: 0o027,
            successExitStatus: SuccessExitStatus(codes: [1, 255], signals: [15, 13]), allowsShutdown: true,
            resources: ResourceLimits(memory: 64 << 20, tasks: 16, cpu: 50))
        let expected = ServiceDefinition(
            name: try #require(ServiceName("x")), description: "Git repositories", isEnabled: false,
            listen: .inet(inet), alsoListen: [try .socketFile("/run/git.sock")], handler: .program(program),
            maxConnections: 50, backlog: 10, onHandlerError: .raise, allowsConnect: true,
            socketFile: SocketFileOptions(mode: 0o660, user: 1000, group: 50),
            socketOwner: ServiceDefinition.SocketOwner(user: "git", group: "staff"),
            origin: ServiceDefinition.Origin(file: "x.toml", line: 3))
        #expect(try service(text) == expected)
    }

    @Test("two definitions are equal wherever they were written")
    func originsDoNotCount() throws {
        #expect(try service("listen = 7\nbuiltin = \"echo\"") == service("# moved\n\nbuiltin = \"echo\"\nlisten = 7"))
        #expect(try service("listen = 7\nbuiltin = \"echo\"") != service("listen = 8\nbuiltin = \"echo\""))
    }

    @Test("every built-in has its name", arguments: BuiltInService.allCases)
    func builtIns(builtIn: BuiltInService) throws {
        #expect(try service("listen = 7\nbuiltin = \"\(builtIn.rawValue)\"").handler == .builtIn(builtIn))
    }

    @Test("a limit is a whole number from 1 to a million", arguments: ["max_connections", "backlog"])
    func limits(key: String) throws {
        for number in [1, 2, 999_999, 1_000_000] {
            let service = try service("listen = 7\nbuiltin = \"echo\"\n\(key) = \(number)")
            #expect((key == "backlog" ? service.backlog : service.maxConnections) == number)
        }
        for wrong in ["0", "-1", "1000001", "9223372036854775807"] {
            #expect(echoErrors("\(key) = \(wrong)") == ["`\(key)` is out of its range"])
        }
        #expect(echoErrors("\(key) = \"5\"") == ["`\(key)` is a text"])
        #expect(echoErrors("\(key) = 5.0") == ["`\(key)` is a fraction"])
    }

    @Test("a value of the wrong kind is named for what it is")
    func wrongKinds() {
        #expect(echoErrors("enabled = \"yes\"") == ["`enabled` is a text"])
        #expect(echoErrors("enabled = 1") == ["`enabled` is a whole number"])
        #expect(echoErrors("description = true") == ["`description` is a boolean"])
        #expect(echoErrors("description = 1979-05-27") == ["`description` is a date or a time"])
        #expect(echoErrors("description = [\"a\"]") == ["`description` is a list"])
        #expect(echoErrors("description.text = \"a\"") == ["`description` is a table"])
    }

    @Test("a description is one line of plain text")
    func description() {
        #expect(echoErrors("description = \"größe 大\"") == [])
        for wrong in ["\\n", "\\u001b", "\\u202e", "\\u0085"] {
            #expect(echoErrors("description = \"a\(wrong)\"") == ["`description` has characters that do not print"])
        }
        #expect(echoErrors("description = \"a\\u0000\"") == ["`description` has a NUL character in it"])
    }

    @Test("a misspelt word gets the nearest one suggested")
    func words() {
        let errors = errors("listen = 7\nbuiltin = \"ehco\"\non_handler_error = \"rise\"")
        #expect(errors.map(\.message) == ["`builtin` cannot be `ehco`", "`on_handler_error` cannot be `rise`"])
        #expect(errors.map(\.suggestion) == ["echo", "raise"])
        #expect(errors.last?.expected == "one of \"ignore\", \"raise\"")
    }

    @Test("an unknown key gets the nearest key suggested, or the list of all")
    func unknownKeys() {
        let text = "listen = 7\nbuiltin = \"echo\"\nmax_conections = 5\nmax-connections = 5\nUser = \"a\"\nprotocol = 1"
        let errors = errors(text)
        #expect(errors.map(\.suggestion) == ["max_connections", "max_connections", "user", nil])
        #expect(errors.map(\.line) == [3, 4, 5, 6])
        #expect(errors.last?.message == "unknown key `protocol`")
        #expect(errors.last?.expected?.hasPrefix("one of the keys allow_shutdown, backlog, ") == true)
    }

    @Test("a service needs somewhere to listen and exactly one handler")
    func necessities() {
        let noHandler = "the service has neither `exec` nor `builtin`: nothing would serve a connection"
        let noListen = "the service has no `listen`: it would serve nobody"
        #expect(errors("listen = 7").map(\.message) == [noHandler])
        #expect(errors("builtin = \"echo\"").map(\.message) == [noListen])
        #expect(Set(errors("# nothing").map(\.message)) == [noHandler, noListen])
        #expect(
            errors("listen = 7\nexec = [\"/bin/cat\"]\nbuiltin = \"echo\"").map(\.message) == [
                "the service has both `exec` and `builtin`"
            ])
    }

    @Test("keys of programs are refused beside a built-in, keys of socket files without one")
    func keysWithoutObject() {
        for key in [
            "user = \"git\"", "group = \"git\"", "environment = {}", "pass_environment = []", "umask = \"022\"",
        ] {
            #expect(echoErrors(key).first?.contains("a built-in runs inside serverd") == true)
        }
        #expect(echoErrors("working_directory = \"/\"\nsuccess_exit_status = []").count == 2)
        for key in ["socket_mode = \"0660\"", "socket_user = \"git\"", "socket_group = \"git\""] {
            #expect(echoErrors(key).first?.contains("the service listens on no socket file") == true)
        }
    }

    @Test("a name of a service is up to 64 plain characters")
    func names() {
        for name in ["a", "9p", "git-daemon_2.x@y", String(repeating: "a", count: 64)] {
            #expect(ServiceName(name)?.description == name)
        }
        for name in ["", "-a", ".a", "a b", "ä", "a/b", "a\u{301}", "a\n", String(repeating: "a", count: 65)] {
            #expect(ServiceName(name) == nil)
        }
        let wrong = SourceFile(path: "services.d/my service.toml", text: "listen = 7\nbuiltin = \"echo\"")
        #expect(throws: ConfigErrors.self) { try Configuration(main: nil, services: [wrong], context: asRoot) }
    }
}

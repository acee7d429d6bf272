// SPDX-License-Identifier: Apache-2.0
// The verbs that list and show: their tables, and what they ask the daemon for.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

private func encode(_ connections: [ConnectionStatus]) -> [UInt8] {
    Reply.encode(Manager.ListConnections.Result(connections: connections, complete: true), continues: true)
}

@Suite("serverctl list")
struct ListTests {
    @Test("services that come in several replies are one table, and later changes are not waited for")
    func golden() throws {
        let result = try Run.against(["list"]) { call in
            guard call.name == "ListServices", call.mode == .more else { return nil }
            return Reply.encode(
                Manager.ListServices.Result(services: [Samples.echo, Samples.git], complete: false), continues: true)
                + Reply.encode(Manager.ListServices.Result(services: [Samples.web], complete: true), continues: true)
        }
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(
            result.output == """
                SERVICE  STATE      CONNECTIONS  ADDRESSES               DESCRIPTION
                echo     full             10/10  /run/echo.sock          -
                git      listening        3/100  0.0.0.0:9418,[::]:9418  Git repositories
                web      failed             0/5  127.0.0.1:80            -

                web: cannot bind 127.0.0.1:80: Permission denied (EACCES); trying again in 12s

                3 services.

                """)
    }

    @Test("a service that has closed by itself says why; one that was told to says nothing")
    func closed() throws {
        var service = Samples.echo
        service.state = .closed
        for failure in [nil, "closed by on_handler_error = \"raise\": \u{1b}"] {
            service.failure = failure
            let shown = service
            let list = try Run.against(["list"]) { _ in
                Reply.encode(Manager.ListServices.Result(services: [shown], complete: true), continues: true)
            }
            let line = "\n\necho: closed by on_handler_error = \"raise\": \\x1b\n\n1 service.\n"
            #expect(list.output.hasSuffix(line) == (failure != nil))
            let show = try Run.against(["show", "echo"]) { _ in
                Reply.encode(Manager.DescribeService.Result(service: shown, settings: []))
            }
            #expect(show.output.contains("Reason: closed by on_handler_error") == (failure != nil), "\(show.output)")
        }
    }

    @Test("without legend there is a line for each service, and nothing else, whatever is wrong with it")
    func bare() throws {
        var lost = Samples.git
        lost.unreachable = ["/run/git.sock"]
        let services = [lost, Samples.web]
        let list = try Run.against(["list", "--no-legend"]) { _ in
            Reply.encode(Manager.ListServices.Result(services: services, complete: true), continues: true)
        }
        #expect(
            list.output == """
                git  listening  3/100  0.0.0.0:9418,[::]:9418  Git repositories
                web  failed       0/5  127.0.0.1:80            -

                """)
    }

    @Test("no services are said to be none, and nothing without legend")
    func empty() {
        let style = Style(colour: false)
        #expect(ServiceList(services: [], now: 0, style: style, legend: true).text == "No services.\n")
        #expect(ServiceList(services: [], now: 0, style: style, legend: false).text.isEmpty)
    }
}

@Suite("serverctl connections")
struct ConnectionsTests {
    @Test("connections are shown in columns")
    func golden() throws {
        let result = try Run.against(["connections"]) { _ in encode([Samples.fetch, Samples.local]) }
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(
            result.output == """
                  ID  SERVICE  STATE    PEER             AGE       PID   CPU  MEMORY    IN  OUT
                 812  git      serving  192.0.2.1:4711   5min 3s  4242  12ms   20.0M  1.5K  999
                1007  echo     killing  unix (uid 1000)  2s          -     -       -     -    -

                2 connections.

                """)
    }

    @Test("without legend there are neither headings nor a closing line; none are said to be none")
    func legend() throws {
        let bare = try Run.against(["connections", "--no-legend", "--no-pager"]) { _ in encode([Samples.local]) }
        #expect(bare.output == "1007  echo  killing  unix (uid 1000)  2s  -  -  -  -  -\n")
        #expect(try Run.against(["connections"]) { _ in encode([]) }.output == "No connections.\n")
        #expect(try Run.against(["connections", "--no-legend"]) { _ in encode([]) }.output.isEmpty)
    }

    @Test("JSON on one line is the reply, complete")
    func json() throws {
        let result = try Run.against(["connections", "--json=short"]) { _ in encode([Samples.fetch]) }
        let message = Array(#"{"parameters":\#(result.output)}"#.utf8)
        #expect(
            try Reply(message: message).parameters()
                == Manager.ListConnections.Result(connections: [Samples.fetch], complete: true))
        #expect(result.output.split(separator: "\n").count == 1)
    }

    @Test("conditions are passed on, durations as the configuration writes them")
    func filter() throws {
        let arguments = ["--service=git", "--peer=192.0.2.0/24", "--older-than=1min 30s", "--state=lingering"]
        let result = try Run.against(["connections"] + arguments) { call in
            let asked = try? call.parameters(as: Manager.ListConnections.Parameters.self)
            let wanted = ConnectionFilter(
                service: "git", peer: "192.0.2.0/24", olderThan: 90_000_000, state: .lingering)
            return asked == .init(filter: wanted) ? encode([]) : nil
        }
        #expect(result.status == .done)
        let all = try Run.against(["connections"]) { call in
            (try? call.parameters(as: Manager.ListConnections.Parameters.self)) == .init() ? encode([]) : nil
        }
        #expect(all.status == .done)
    }

    @Test("a duration without a unit and an unknown state are wrong usage")
    func usage() {
        for arguments in [["--older-than", "30"], ["--older-than", "9223372036854775807h"], ["--state", "asleep"]] {
            #expect(Run(["connections"] + arguments).status == .usage)
        }
    }

    @Test("a list that ends before it is complete is a failure", arguments: ["connections", "list"])
    func cutOff(verb: String) throws {
        let result = try Run.against([verb]) { call in
            call.name == "ListServices"
                ? Reply.encode(Manager.ListServices.Result(services: [Samples.git], complete: false))
                : Reply.encode(Manager.ListConnections.Result(connections: [Samples.fetch], complete: false))
        }
        #expect(result.status == .failed && result.output.isEmpty)
        #expect(result.errors.hasSuffix("serverd stopped before it had told all; try again\n"))
    }

    @Test("five thousand connections are one table")
    func many() throws {
        let connections = (0..<5000).map { id in
            var connection = Samples.fetch
            connection.id = UInt64(id)
            return connection
        }
        let result = try Run.against(["connections"]) { _ in encode(connections) }
        #expect(result.output.hasSuffix("\n\n5000 connections.\n"))
    }
}

@Suite("serverctl show")
struct ShowTests {
    private func showConnection(_ result: Manager.DescribeConnection.Result) throws -> String {
        try Run.against(["show", "\(result.connection.id)"]) { call in
            guard (try? call.parameters(as: Manager.DescribeConnection.Parameters.self))?.id == result.connection.id
            else { return nil }
            return Reply.encode(result)
        }.output
    }

    private static let service = Manager.DescribeService.Result(
        service: Samples.web,
        settings: [
            Setting(key: "max_connections", value: "5", origin: .operator),
            Setting(key: "stop_timeout", value: "\"10s\"", origin: .default),
            Setting(key: "user", origin: .default),
            Setting(key: "exec", value: "[\"/bin/\u{1b}\"]", origin: .file, file: "services.d/web.toml", line: 3),
        ])

    @Test("a number is a connection's id")
    func connection() throws {
        let fetch = Manager.DescribeConnection.Result(
            connection: Samples.fetch, command: ["git-daemon", "--inetd\u{7}"], user: "git")
        #expect(
            try showConnection(fetch) == """
                Connection 812 of git
                         State: serving
                         Since: 2026-05-01 11:54:57 UTC; 5min 3s ago
                     Transport: tcp
                          Peer: 192.0.2.1:4711
                 Local address: 192.0.2.9:9418
                       Command: git-daemon --inetd\\x07
                          User: git
                       Process: 4242
                Processor time: 12ms
                        Memory: 20.0M
                      Bytes in: 1536
                     Bytes out: 999

                """)
        #expect(
            try showConnection(.init(connection: Samples.local, builtin: "echo")) == """
                Connection 1007 of echo
                        State: killing
                        Since: 2026-05-01 11:59:58 UTC; 2s ago
                    Transport: unix
                         Peer: unix
                      Peer is: uid 1000, gid 100, pid 77
                Local address: /run/echo.sock
                     Built-in: echo

                """)
    }

    @Test("a service is shown with its settings, and with --origin where each was made")
    func service() throws {
        let plain = try Run.against(["show", "web"]) { _ in Reply.encode(Self.service) }
        #expect(
            plain.output.hasSuffix(
                """
                     Reason: cannot bind 127.0.0.1:80: Permission denied (EACCES)

                SETTING          VALUE
                max_connections  5
                stop_timeout     "10s"
                user             -
                exec             ["/bin/\\x1b"]

                """))
        let origin = try Run.against(["show", "--origin", "80"]) { call in
            (try? call.parameters(as: ServiceParameters.self))?.service == "80" ? Reply.encode(Self.service) : nil
        }
        #expect(
            origin.output == """
                SETTING          VALUE          ORIGIN
                max_connections  5              serverctl set-limit
                stop_timeout     "10s"          default
                user             -              default
                exec             ["/bin/\\x1b"]  services.d/web.toml:3

                """)
    }
}

@Suite("sizes and spans")
struct SizeTests {
    @Test(
        "a size is told in its largest unit",
        arguments: [
            (0, "0"), (1023, "1023"), (1024, "1.0K"), (1536, "1.5K"), (1_048_575, "1023.9K"), (1_048_576, "1.0M"),
            (Int64.max, "7.9E"),
        ] as [(Int64, String)])
    func sizes(size: Int64, text: String) { #expect(SizeText.of(size) == text) }

    @Test("a span below a second is told in milliseconds")
    func spans() {
        #expect(TimeText.fineSpan(0) == "0ms")
        #expect(TimeText.fineSpan(999_999) == "999ms")
        #expect(TimeText.fineSpan(1_000_000) == "1s")
        #expect(TimeText.left(until: 1, now: 0) == "1s")
        #expect(TimeText.left(until: 1_000_000, now: 0) == "1s")
        #expect(TimeText.left(until: 0, now: 0) == "0s")
    }
}

// SPDX-License-Identifier: Apache-2.0
// Golden outputs of everything that serverctl shows.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

private func table(_ services: [ServiceStatus], colour: Bool = false, legend: Bool = true) -> String {
    StatusTable(services: services, now: Samples.now, style: Style(colour: colour), legend: legend).text
}

private func detail(_ service: ServiceStatus, colour: Bool = false) -> String {
    StatusDetail(service: service, now: Samples.now, style: Style(colour: colour)).text
}

@Suite("status table")
struct StatusTableTests {
    @Test("all services are shown in columns, and below them what is wrong")
    func golden() {
        #expect(
            table([Samples.echo, Samples.git, Samples.web]) == """
                SERVICE  STATE      ADDRESSES               CONNECTIONS  TOTAL  FAILURES  UPTIME
                echo     full       /run/echo.sock                10/10     10         0  59s
                git      listening  0.0.0.0:9418,[::]:9418        3/100  12345         2  1d 2h
                web      failed     127.0.0.1:80                    0/5      0         0  -

                git: connection 812: git exited with 128 (5min ago)
                web: cannot bind 127.0.0.1:80: Permission denied (EACCES); trying again in 12s

                3 services, 1 not serving.

                """)
    }

    @Test("without legend there is a line a service, and neither headings nor reasons nor a closing line")
    func noLegend() {
        #expect(
            table([Samples.web, Samples.echo], legend: false) == """
                web   failed  127.0.0.1:80      0/5   0  0  -
                echo  full    /run/echo.sock  10/10  10  0  59s

                """)
        #expect(table([Samples.echo], legend: false) == "echo  full  /run/echo.sock  10/10  10  0  59s\n")
        #expect(table([], legend: false).isEmpty)
    }

    @Test("no services are said to be none")
    func empty() {
        #expect(table([]) == "No services.\n")
    }

    @Test("colour is added to the state and changes nothing else")
    func colour() {
        let plain = table([Samples.git, Samples.web])
        let coloured = table([Samples.git, Samples.web], colour: true)
        #expect(coloured.contains("\u{1b}[32mlistening\u{1b}[0m"))
        #expect(coloured.contains("\u{1b}[1;31mfailed\u{1b}[0m   "))
        #expect(coloured.replacing(/\x{1b}\[[0-9;]*m/, with: "") == plain)
    }

    @Test("an address that nobody can connect to is told, and its service is not serving")
    func unreachable() throws {
        var service = Samples.echo
        service.unreachable = ["/run/e\u{1b}cho.sock"]
        let shown = service
        let text =
            "nobody can connect to /run/e\\x1bcho.sock: somebody has removed or replaced the socket file; close and open "
            + "the service to have it made anew\n"
        #expect(detail(shown).hasSuffix("     Reason: " + text))
        let result = try Run.against(["status"]) { _ in
            Reply.encode(GetStatus.Result(daemon: Samples.daemon, services: [shown]))
        }
        #expect(result.status == .notServing)
        #expect(result.output.hasSuffix("\necho: " + text + "\n1 service, 1 not serving.\n"))
    }

    @Test("nothing that a service is called or says reaches the terminal")
    func hostile() {
        #expect(
            table([Samples.hostile]) == """
                SERVICE   STATE      ADDRESSES              CONNECTIONS  TOTAL  FAILURES  UPTIME
                e\\x1b[2J  throttled  /run/\\u{9b}x\\x0a.sock          0/1      0         0  -

                e\\x1b[2J: said "\\x07\\u{2028}"; trying again now

                1 service, 1 not serving.

                """)
    }
}

@Suite("status of one service")
struct StatusDetailTests {
    @Test("a service is shown with everything there is to say")
    func golden() {
        #expect(
            detail(Samples.git) == """
                git - Git repositories
                      State: listening since 2026-04-30 09:56:56 UTC; 1d 2h ago
                    Address: 0.0.0.0:9418
                    Address: [::]:9418
                Connections: 3 (limit 100)
                      Total: 12345 accepted, 1 refused
                   Failures: 2
                 Last error: connection 812: git exited with 128 (2026-05-01 11:55:00 UTC; 5min ago)

                """)
        #expect(
            detail(Samples.web) == """
                web
                      State: failed; trying again in 12s
                    Address: 127.0.0.1:80
                Connections: 0 (limit 5)
                      Total: 0 accepted, 0 refused
                   Failures: 0
                     Reason: cannot bind 127.0.0.1:80: Permission denied (EACCES)

                """)
    }

    @Test("nothing that a service is called or says reaches the terminal")
    func hostile() {
        let shown = detail(Samples.hostile)
        #expect(shown.hasPrefix("e\\x1b[2J - \\u{202e}evil\n"))
        #expect(!shown.unicodeScalars.contains { $0 != "\n" && ($0.value < 0x20 || $0.value > 0x7e) })
    }
}

@Suite("values for people")
struct StyleTests {
    @Test(
        "a span is shown in its two largest units",
        arguments: [
            (-5, "0s"), (0, "0s"), (1, "1s"), (59, "59s"), (60, "1min"), (61, "1min 1s"), (3599, "59min 59s"),
            (3600, "1h"), (3601, "1h"), (3660, "1h 1min"), (86_399, "23h 59min"), (86_400, "1d"), (90_000, "1d 1h"),
            (86_401, "1d"), (8_640_000, "100d"),
        ] as [(Int64, String)])
    func span(seconds: Int64, shown: String) {
        #expect(TimeText.span(seconds * 1_000_000) == shown)
    }

    @Test("a point of time is shown in UTC")
    func point() {
        #expect(TimeText.point(0) == "1970-01-01 00:00:00 UTC")
        #expect(TimeText.point(951_782_399_999_999) == "2000-02-28 23:59:59 UTC")
        #expect(TimeText.point(.max) == "294247-01-10 04:00:54 UTC")
    }

    @Test("JSON hides nothing from a program and nothing from a terminal")
    func json() {
        #expect(
            TerminalJSON.render(["a": "\u{9b}\u{1b}\u{2028}ü\u{e0041}"], pretty: false)
                == #"{"a":"\u009b\u001b\u2028ü\udb40\udc41"}"# + "\n")
        #expect(TerminalJSON.render(["a": "\n"], pretty: true) == "{\n  \"a\" : \"\\n\"\n}\n")
    }

    @Test("a list that is printed as its elements come looks as one that is printed at once", arguments: [true, false])
    func list(pretty: Bool) throws {
        let parts: [[[String: String]]] = [[], [["a": "\u{9b}ü"]], [["b": ","], ["c": "]"]], [], [["d": "é"]]]
        for count in 0...parts.count {
            let whole = Listing(connections: Array(parts.prefix(count).joined()))
            var list = TerminalJSONList(in: Listing(connections: []), pretty: pretty)
            for part in parts.prefix(count) {
                list.append(contentsOf: try JSONText.decode(JSONList.self, from: JSONText.encode(part)))
            }
            list.finish()
            #expect(list.texts.joined() == TerminalJSON.render(whole, pretty: pretty))
        }
    }

    private struct Listing: Encodable {
        let complete = true
        let connections: [[String: String]]
        let title = "behind the list"
    }
}

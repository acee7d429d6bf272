// SPDX-License-Identifier: Apache-2.0
// Completions: that a script knows the verbs and asks for live names, and what it is then offered.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

@Suite("serverctl completion")
struct CompletionTests {
    @Test("each shell's script knows the verbs and asks for live names", arguments: ["bash", "zsh", "fish"])
    func script(shell: String) {
        let result = Run(["completion", shell])
        #expect(result.status == .done && result.errors.isEmpty)
        for text in [
            "set-limit", "top", "interval", "connect", "connections", "existing", "serverctl names services",
            "serverctl names connections",
            "serverctl names all",
        ] {
            #expect(result.output.contains(text), "\(text)")
        }
    }

    @Test("a shell that is not known is wrong usage")
    func unknownShell() {
        #expect(Run(["completion", "csh"]).status == .usage)
    }

    @Test(
        "names of services and ids of connections are offered, and nothing that a shell would expand",
        arguments: [("services", "git\na@b-1.c_d\n"), ("connections", "812\n"), ("all", "git\na@b-1.c_d\n812\n")])
    func names(kind: String, expected: String) throws {
        let result = try Run.against(["names", kind]) { call in
            guard call.name == "ListServices" else {
                let connections = Manager.ListConnections.Result(connections: [Samples.fetch], complete: true)
                return Reply.encode(connections, continues: true)
            }
            let services = ["git", "$(id)", "`id`", "a b", "", "é", "a@b-1.c_d"].map {
                ServiceStatus(name: $0, state: .listening, addresses: [], connectionLimit: 1)
            }
            return Reply.encode(Manager.ListServices.Result(services: services, complete: true), continues: true)
        }
        #expect(result.status == .done)
        #expect(result.output == expected)
    }

    @Test("the verb for completions is not shown")
    func hidden() {
        #expect(!Run(["--help"]).output.contains("names  "))
    }
}

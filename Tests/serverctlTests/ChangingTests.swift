// SPDX-License-Identifier: Apache-2.0
// The verbs that change a service: what they ask for, and what they say came of it.

internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

@Suite("verbs that change a service")
struct ChangingTests {
    @Test(
        "the service is told as it is then",
        arguments: [("open", "OpenService"), ("suspend", "SuspendService"), ("resume", "ResumeService")])
    func verbs(verb: String, method: String) throws {
        let result = try Run.against([verb, "git"]) { call in
            guard call.name == method else { return nil }
            guard (try? call.parameters(as: ServiceParameters.self))?.service == "git" else { return nil }
            return Reply.encode(ServiceReply(service: Samples.git))
        }
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(
            result.output
                == "Service \"git\" is listening on 0.0.0.0:9418, [::]:9418, with 3 of at most 100 connections.\n")
    }

    @Test("a service that cannot listen is a failure of open, and of nothing else")
    func failed() throws {
        let answer = Reply.encode(ServiceReply(service: Samples.web))
        let result = try Run.against(["open", "web"]) { _ in answer }
        #expect(result.status == .failed)
        #expect(
            result.errors
                == "serverctl: service \"web\" cannot listen: cannot bind 127.0.0.1:80: Permission denied (EACCES); "
                + "trying again in 12s\n")
        #expect(try Run.against(["suspend", "web"]) { _ in answer }.status == .done)
    }

    @Test("a limit below what there is says how many must end first")
    func setLimit() throws {
        func run(_ limit: Int) throws -> String {
            try Run.against(["set-limit", "git", "\(limit)"]) { call in
                let asked = try? call.parameters(as: Manager.SetLimit.Parameters.self)
                guard asked == .init(service: "git", maxConnections: limit) else { return nil }
                var service = Samples.git
                service.connectionLimit = limit
                return Reply.encode(ServiceReply(service: service))
            }.output
        }
        #expect(try run(4).hasSuffix("with 3 of at most 4 connections.\n"))
        #expect(try run(3).hasSuffix("with 3 of at most 3 connections.\n"))
        #expect(try run(2).hasSuffix("with 3 of at most 2 connections. None is accepted until 2 have ended.\n"))
        #expect(Run(["set-limit", "git", "many"]).status == .usage)
    }

    @Test("JSON is the reply, quiet is nothing, and a hostile name is harmless")
    func outputs() throws {
        let answer = Reply.encode(ServiceReply(service: Samples.hostile))
        #expect(try Run.against(["open", "x", "-q"]) { _ in answer }.output.isEmpty)
        #expect(try Run.against(["open", "x", "--json=short"]) { _ in answer }.output.hasPrefix(#"{"service":{"#))
        let text = try Run.against(["open", "x"]) { _ in answer }.output
        #expect(text == "Service \"e\\x1b[2J\" is throttled, with 0 of at most 1 connection.\n")
    }
    @Test("all services are opened with --all, which says which, and which addresses cannot be listened on")
    func openAll() throws {
        func run(_ reply: Manager.OpenServices.Result, _ words: String...) throws -> Run {
            try Run.against(["open", "--all"] + words) { call in
                call.name == "OpenServices" ? Reply.encode(reply) : nil
            }
        }
        let opened = try run(.init(opened: ["echo", "g\u{1b}t"]))
        #expect(opened.status == .done && opened.output == "Opened 2 services: echo, g\\x1bt.\n")
        #expect(try run(.init(opened: [])).output == "No service was opened.\n")
        #expect(
            try run(.init(opened: ["echo"]), "--json=short").output == #"{"notListening":[],"opened":["echo"]}"# + "\n")
        let silent = NotListening(
            service: "web", address: "127.0.0.1:80", failure: "cannot bind 127.0.0.1:80: Permission denied (EACCES)",
            retryTimestamp: Samples.now + 1_000_000)
        let failed = try run(.init(opened: ["echo"], notListening: [silent]))
        #expect(failed.status == .failed && failed.output == "Opened 1 service: echo.\n")
        #expect(
            failed.errors == """
                service "web" cannot listen on 127.0.0.1:80: cannot bind 127.0.0.1:80: Permission denied (EACCES); trying again in 1s
                serverctl: 1 address cannot be listened on

                """)
        let refused = try Run.against(["open", "--all"]) { _ in
            Reply.encode(VarlinkError(Manager.WrongState(service: "git", state: .draining)))
        }
        #expect(refused.status == .failed)
        #expect(
            refused.errors.hasPrefix("serverctl: cannot open all services: service \"git\" is draining; wait until"))
        for words in [["open"], ["open", "git", "--all"]] { #expect(Run(words).status == .usage) }
    }
}

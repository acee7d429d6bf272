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
}

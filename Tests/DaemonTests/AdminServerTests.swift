// SPDX-License-Identifier: Apache-2.0
// What the admin socket answers: the state, mistakes in names, its own description.

import Policy
import Testing

@testable import Daemon

@Suite("AdminServer", .timeLimit(.minutes(5)))
struct AdminServerTests {
    @Test("it tells the state of the daemon and of its services, or of one of them")
    func status() async throws {
        try await AdminSocket.run { _, path, services in
            for parameters in ["{}", #"{"service":"git"}"#] {
                let reply = try await AdminSocket.call(
                    path, #"{"method":"io.serverd.Manager.GetStatus","parameters":\#(parameters)}"#, services)
                #expect(reply.contains(#""state":"running""#))
                #expect(reply.contains(#""name":"git""#) && reply.contains(#""state":"listening""#))
                #expect(reply.contains(#""version":"\#(Version.text)""#))
            }
        }
    }

    @Test("a name that no service has is an error, with the name that was perhaps meant")
    func noSuchService() async throws {
        try await AdminSocket.run { _, path, services in
            let near = try await AdminSocket.call(
                path, #"{"method":"io.serverd.Manager.GetStatus","parameters":{"service":"gti"}}"#, services)
            #expect(near.contains(#""error":"io.serverd.Manager.NoSuchService""#))
            #expect(near.contains(#""service":"gti""#) && near.contains(#""nearest":"git""#))
            let far = try await AdminSocket.call(
                path, #"{"method":"io.serverd.Manager.GetStatus","parameters":{"service":"smtp-relay"}}"#, services)
            #expect(far.contains("NoSuchService") && !far.contains("nearest"))
        }
    }

    @Test("it describes itself")
    func description() async throws {
        try await AdminSocket.run { _, path, services in
            let info = try await AdminSocket.call(path, AdminSocket.getInfo, services)
            #expect(info.contains(#""product":"serverd""#) && info.contains("io.serverd.Manager"))
            let description = try await AdminSocket.call(
                path,
                #"{"method":"org.varlink.service.GetInterfaceDescription","parameters":"#
                    + #"{"interface":"io.serverd.Manager"}}"#, services)
            #expect(description.contains("method GetStatus("))
            let unknown = try await AdminSocket.call(path, #"{"method":"io.serverd.Manager.Explode"}"#, services)
            #expect(unknown.contains("org.varlink.service.MethodNotFound"))
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Whom the admin socket lets in: who may connect to it at all, and what a daemon of one's own permits.

import EventLoops
import Glibc
import ManagerInterface
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("AdminServer: access", .timeLimit(.minutes(5)))
struct AdminAccessTests {
    @Test("once a group may do something, everybody may connect: each call is judged by itself")
    func groups() async throws {
        let place = try AdminSocket.Place()
        let path = place.path
        let settings = DaemonSettings(access: AdminAccess(connectors: [Group(name: "c", gid: 7)]))
        try await withServices(service(on: Endpoint()), settings: settings) { services in
            let server = try await AdminServer(path, services.manager, services.reloader, logger: services.log.logger)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o666)
            await server.close()
        }
        withExtendedLifetime(place) {}
    }

    @Test(
        "every method refuses a caller without rights, however it is called",
        arguments: Manager.methods.map { $0.name })
    func everyMethodRefuses(method: String) async throws {
        try await withServices(service(on: Endpoint())) { services in
            let methods = ManagerMethods(
                manager: services.manager, reloader: services.reloader, owner: 1, logger: services.log.logger)
            let stranger = AdminCaller(uid: 2, pid: 3, gid: 4)
            for mode in ["", #","more":true"#, #","upgrade":true"#] {
                let message = #"{"method":"io.serverd.Manager.\#(method)","parameters":{"service":"test"}\#(mode)}"#
                let replies = EventLog<String>()
                _ = try await methods.dispatcher.answer(
                    try Call(message: Array(message.utf8)), from: stranger,
                    send: { replies.append(String(decoding: $0, as: UTF8.self)) })
                #expect(replies.all.count == 1)
                #expect(replies.all.first?.contains("io.serverd.Manager.NotPermitted") == true, "\(replies.all)")
            }
            let status = await services.status()
            #expect(status.state == .listening)
        }
    }

    @Test("a method of which nothing is said is for those who may change something")
    func unnamedMethod() async throws {
        let access = AdminAccess(
            readers: [Group(name: "r", gid: 7)], operators: [Group(name: "o", gid: 8)],
            connectors: [Group(name: "c", gid: 9)])
        try await withServices(service(on: Endpoint()), settings: DaemonSettings(access: access)) { services in
            let methods = ManagerMethods(
                manager: services.manager, reloader: services.reloader, owner: 1, logger: services.log.logger)
            for gid in [7, 9] as [UInt32] {
                #expect(throws: VarlinkError(Manager.NotPermitted(method: "Explode", needs: .operate))) {
                    try methods.authorize("Explode", AdminCaller(uid: 2, pid: 3, gid: gid))
                }
            }
            try methods.authorize("Explode", AdminCaller(uid: 2, pid: 3, gid: 8))
        }
    }

    @Test("nobody else may open the lock: who holds it keeps the daemon from starting")
    func lock() async throws {
        try await AdminSocket.run { _, path, _ in
            var status = stat()
            #expect(stat(path + ".lock", &status) == 0 && status.st_mode & 0o777 == 0o600)
        }
    }

    @Test("who runs a daemon of one's own, without root, may operate it")
    func ownUser() async {
        // Alone in a process, whose user it changes.
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { precondition(seteuid(65534) == 0) }
            try await AdminSocket.run { _, path, services in
                let reply = try await AdminSocket.call(
                    path, #"{"method":"io.serverd.Manager.SuspendService","parameters":{"service":"git"}}"#, services)
                #expect(reply.contains(#""state":"suspended""#), "\(reply)")
            }
        }
    }
}

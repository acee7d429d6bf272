// SPDX-License-Identifier: Apache-2.0
// When the service manager is told what operators have set: with each change, and again when it was not.

import Descriptors
import EventLoops
import Glibc
import ManagerInterface
import Supervision
import Systemd
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("operators' settings that are kept", .timeLimit(.minutes(5))) struct KeptSettingsTests {
    /// A service manager's socket, which NOTIFY_SOCKET names from now on, and a daemon of one service that talks to it.
    private struct Kept {
        let manager: ServiceManager
        let files: ScriptedFiles
        let methods: ManagerMethods
        private let writer: LogWriter
        private let socket: OwnedDescriptor

        static func run(_ body: @escaping @Sendable (Kept) async throws -> Void) async throws {
            let place = try Endpoint()
            let socket = place.occupy(kind: SOCK_DGRAM)
            setenv("NOTIFY_SOCKET", place.listen.description, 1)
            let endpoint = try Endpoint()
            let files = ScriptedFiles(["test": builtIn(endpoint)])
            let configuration = try files.configuration()
            let writer = try LogWriter(
                .lines(.prefixed), stream: Descriptor.duplicating(STDERR_FILENO), notifier: Notifier())
            let log = try TestLog()
            try await onLoop(clock: ManualClock()) { loop in
                var context = ServiceContext(test: log, by: try Spawner(on: loop), on: loop)
                context.store = DescriptorStore(writer)
                let manager = ServiceManager(context, configuration)
                try await manager.open(
                    configuration.services, claiming: InheritedSockets(InheritedDescriptors(adopting: [])))
                let methods = ManagerMethods(
                    manager: manager, reloader: Reloader(manager, from: files.source, logger: log.logger), owner: 1,
                    logger: log.logger)
                let kept = Self(manager: manager, files: files, methods: methods, writer: writer, socket: socket)
                _ = kept.told()
                try await body(kept)
                await manager.drain()
            }
            // What it says at its end nobody reads.
            socket.close()
            writer.finish()
        }

        /// How often the settings were told to be kept, and to be forgotten, since the last look.
        func told() -> (kept: Int, forgotten: Int) {
            var told = (kept: 0, forgotten: 0)
            let end = NotifyMessage(.status("looked"))
            // As soon as there is room for it.
            while !writer.notify(end, with: Descriptor(adopting: open("/dev/null", O_RDONLY | O_CLOEXEC))) {
                note(next(), in: &told)
            }
            while case let lines = next(), !lines.isEmpty, !lines.contains("STATUS=looked") { note(lines, in: &told) }
            return told
        }

        private func next() -> [Substring] {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(socket.number, &bytes, bytes.count, 0)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        }

        private func note(_ lines: [Substring], in told: inout (kept: Int, forgotten: Int)) {
            guard lines.contains("FDNAME=\(KeptName.operatorSettings)") else { return }
            if lines.contains("FDSTORE=1") { told.kept += 1 }
            if lines.contains("FDSTOREREMOVE=1") { told.forgotten += 1 }
        }

        /// Tells so much that nothing more is taken until somebody reads.
        func fill() { for _ in 0..<20_000 { writer.notify(NotifyMessage(.alive)) } }
    }

    @Test("they are told when they have changed, and only then")
    func changes() async {
        await #expect(processExitsWith: .success) {
            try await Kept.run { kept in
                let service = try await kept.manager.service(named: "test")
                await kept.manager.keepOperatorSettings()
                #expect(kept.told() == (0, 0))
                #expect(await service.suspend())
                for times in [1, 0] {
                    await kept.manager.keepOperatorSettings()
                    #expect(kept.told() == (times, times))
                }
                #expect(await service.resume())
                await kept.manager.keepOperatorSettings()
                #expect(kept.told() == (0, 1))
            }
        }
    }

    @Test("what a caller of the admin socket changes is told before the reply, whichever method it is")
    func methods() async {
        await #expect(processExitsWith: .success) {
            try await Kept.run { kept in
                let root = AdminCaller(uid: 0, pid: 1, gid: 0)
                let test = ServiceParameters(service: "test")
                try await kept.methods.call(Manager.SetLimit.self, .init(service: "test", maxConnections: 3), as: root)
                #expect(kept.told() == (1, 1))
                try await kept.methods.call(Manager.SuspendService.self, test, as: root)
                #expect(kept.told() == (1, 1))
                try await kept.methods.call(Manager.ResumeService.self, test, as: root)
                #expect(kept.told() == (1, 1))
                try await kept.methods.call(Manager.CloseService.self, .init(service: "test"), as: root)
                #expect(kept.told() == (1, 1))
                try await kept.methods.call(Manager.OpenService.self, test, as: root)
                #expect(kept.told() == (1, 1))
            }
        }
    }

    @Test("what there was no room for is told with the next change, though it be no other")
    func noRoom() async {
        await #expect(processExitsWith: .success) {
            try await Kept.run { kept in
                let service = try await kept.manager.service(named: "test")
                kept.fill()
                #expect(await service.suspend())
                await kept.manager.keepOperatorSettings()
                #expect(kept.told() == (0, 0))
                await kept.manager.keepOperatorSettings()
                #expect(kept.told() == (1, 1))
            }
        }
    }

    @Test("a reload that ends what an operator has set is told")
    func reload() async {
        await #expect(processExitsWith: .success) {
            try await Kept.run { kept in
                let service = try await kept.manager.service(named: "test")
                await service.setLimit(3)
                await kept.manager.keepOperatorSettings()
                #expect(kept.told() == (1, 1))
                kept.files["test"]?.append("max_connections = 7\n")
                _ = try await kept.manager.apply(try kept.files.configuration())
                #expect(kept.told() == (0, 1))
            }
        }
    }
}

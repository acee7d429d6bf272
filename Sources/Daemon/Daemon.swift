// SPDX-License-Identifier: Apache-2.0
// The daemon from its first await to its last: opens what is configured, waits for a signal, drains.

internal import EventLoops
internal import Logging
internal import Policy
package import ServiceConfig
internal import SocketServer
internal import Supervision
package import Systemd

/// The daemon, composed of its parts.
package struct Daemon: Sendable {
    private let configuration: Configuration
    private let source: ConfigurationSource
    private let doubts: [ConfigurationDoubt]
    private let adminSocket: String
    private let inherited: InheritedSockets
    private let writer: LogWriter
    private let watchdog: Watchdog?
    private let logger: Logger

    /// A daemon that has opened nothing yet, and begins with telling the doubts about its configuration, which it reloads
    /// from `source`.
    package init(
        _ configuration: Configuration, from source: ConfigurationSource, doubts: [ConfigurationDoubt] = [],
        adminSocket: String, inherited: InheritedSockets, writer: LogWriter, watchdog: Watchdog?
    ) {
        self.configuration = configuration
        self.source = source
        self.doubts = doubts
        self.adminSocket = adminSocket
        self.inherited = inherited
        self.writer = writer
        self.watchdog = watchdog
        logger = Logger(label: "serverd") { _ in SerialLogHandler(writer) }
    }

    /// Runs the daemon on the calling thread until it is told to stop and no connection is left.
    ///
    /// - Throws: ``StartFailure`` when it could not begin.
    package func run() throws {
        try EventLoop.run { try await self.serve() }
    }

    private func serve() async throws {
        guard let loop = EventLoop.current else { preconditionFailure("run sets the current loop") }
        let reporter = StatusReporter(writer, isConnected: Notifier().isConnected, on: loop)
        for doubt in doubts { doubt.log(to: logger) }
        let context = try makeContext(loop, reporter)
        let manager = ServiceManager(context, configuration)
        let reloader = Reloader(
            manager, from: source, logger: logger,
            observer: ReloadObserver(
                began: { reporter.reloading() }, ended: { await reporter.reloaded(manager) }))
        // First: whoever is second must not touch a socket of the first.
        let admin = try await AdminServer(adminSocket, manager, reloader, logger: logger)
        do { try await serve(manager, reloader, reporter, on: loop) } catch {
            await admin.close()
            throw error
        }
        await admin.close()
    }

    private func serve(
        _ manager: ServiceManager, _ reloader: Reloader, _ reporter: StatusReporter, on loop: EventLoop
    ) async throws {
        let signals = try ShutdownSignals(on: loop) {
            // What becomes of it is logged.
            _ = Task(executorPreference: loop) { try? await reloader.reload(for: .signal) }
        }
        defer { signals.cancel() }
        do { try await manager.open(configuration.services, claiming: inherited) } catch {
            await manager.endConnections()
            await manager.drain()
            throw error
        }
        logger.notice("ready", metadata: ["version": .string(Version.text)])
        await reporter.start(manager, watchdog)
        await signals.first()
        await shutDown(manager, reporter, signals)
    }

    private func makeContext(_ loop: EventLoop, _ reporter: StatusReporter) throws -> ServiceContext {
        let spawner: Spawner
        do { spawner = try Spawner(on: loop) } catch {
            throw StartFailure("cannot prepare to start programs", error)
        }
        return ServiceContext(
            loop: loop, spawner: spawner, settings: CurrentSettings(configuration.settings), logger: logger,
            numbering: ConnectionNumbering(), environment: ProcessEnvironment.variables, identity: .current,
            events: EventHub(on: loop, logger: logger), controlGroups: .ofThisProcess(),
            changed: { reporter.changed() })
    }

    private func shutDown(
        _ manager: ServiceManager, _ reporter: StatusReporter, _ signals: ShutdownSignals
    ) async {
        let settings = manager.context.settings.value
        // Grace, then the ladder, and a little for the rest.
        let longest = settings.drainTimeout + settings.stopTimeout + .seconds(5)
        logger.notice(
            "stopping; connections may end by themselves first, a second signal ends them now",
            metadata: ["drain_timeout_ms": .stringConvertible(settings.drainTimeout.wholeMilliseconds)])
        reporter.ending(longest: longest)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                guard await signals.another() else { return }
                await manager.endConnections()
            }
            await manager.drain()
            group.cancelAll()
        }
        reporter.stop()
        logger.notice("stopped")
    }
}

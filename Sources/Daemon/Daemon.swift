// SPDX-License-Identifier: Apache-2.0
// The daemon from its first await to its last: opens what is configured, waits for a signal, drains.

internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Logging
internal import Policy
package import ServiceConfig
internal import SocketServer
internal import Supervision
internal import SystemPackage
package import Systemd

/// The daemon, composed of its parts.
package struct Daemon: Sendable {
    private let configuration: Configuration
    private let source: ConfigurationSource
    private let doubts: [ConfigurationDoubt]
    private let adminSocket: String
    private let inheritance: Inheritance
    private let writer: LogWriter
    private let watchdog: Watchdog?
    private let logger: Logger

    /// A daemon that has opened nothing yet, and begins with telling the doubts about its configuration, which it reloads
    /// from `source`.
    ///
    /// When it is told to stop because another one is to be started at once, it leaves everything to that one.
    package init(
        _ configuration: Configuration, from source: ConfigurationSource, doubts: [ConfigurationDoubt] = [],
        adminSocket: String, inheritance: Inheritance, writer: LogWriter, watchdog: Watchdog?
    ) {
        self.configuration = configuration
        self.source = source
        self.doubts = doubts
        self.adminSocket = adminSocket
        self.inheritance = inheritance
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
        let manager = ServiceManager(
            context, configuration, following: inheritance.state,
            operators: .kept(in: inheritance.sockets.claimOwn(KeptName.operatorSettings)))
        let reloader = Reloader(
            manager, from: source, logger: logger,
            observer: ReloadObserver(
                began: { reporter.reloading() }, ended: { await reporter.reloaded(manager) }))
        let reexecutor = Reexecutor(
            manager, reloader, writer: writer, reporter: reporter, images: inheritance.state?.images ?? 1)
        // First: whoever is second must not touch a socket of the first.
        let admin = try await AdminServer(
            adminSocket, inherited: try inheritedAdminSocket(), manager, reloader, logger: logger,
            reexecutor: reexecutor, inheriting: inheritance)
        // Only now: what is there may be the programs of a serverd that runs.
        if inheritance.state == nil, context.ledger?.isInherited != true { context.controlGroups.endStrangers() }
        tellReturn()
        do { try await serve(manager, reloader, reporter, on: loop) } catch {
            await admin.close()
            throw error
        }
        await context.events.finish()
        await admin.close()
    }

    private func serve(
        _ manager: ServiceManager, _ reloader: Reloader, _ reporter: StatusReporter, on loop: EventLoop
    ) async throws {
        let signals = try ShutdownSignals(on: loop) {
            // Nobody waits for it: what becomes of it is logged.
            _ = Task(executorPreference: loop) { try? await reloader.reload(for: .signal) }
        }
        defer { signals.cancel() }
        do { try await manager.open(configuration.services, claiming: inheritance.sockets) } catch {
            // As long as nothing is ended.
            goBack(because: error)
            await manager.endConnections()
            await manager.drain()
            throw error
        }
        logger.notice("ready", metadata: ["version": .string(Version.text)])
        inheritance.settle()
        await reporter.start(manager, watchdog)
        await signals.first()
        // At once: a reexec that is under way must not take the place of a daemon that ends.
        await manager.beginStopping()
        if await isLeftToNext(on: loop) { await leave(manager, reporter) }
        await shutDown(manager, reporter, signals)
    }

    /// Whether another daemon is to be started at once, and could be: one that finds mistakes would end, and keep nothing.
    private func isLeftToNext(on loop: EventLoop) async -> Bool {
        guard await RestartQuestion.isBeingRestarted(on: loop, logger: logger) else { return false }
        do throws(ConfigErrors) { _ = try await source.load(on: loop) } catch {
            for mistake in error.errors {
                logger.error("mistake in the configuration", metadata: Reloader.describe(mistake))
            }
            return false
        }
        return true
    }

    private func tellReturn() {
        guard let failure = inheritance.state?.failure else { return }
        logger.error(
            "not replaced: the image that followed could not start, and this one serves again",
            metadata: ["error": .string(failure)])
    }

    private func goBack(because error: any Error) {
        writer.flush()
        inheritance.goBack(because: "\(error)")
    }

    private func inheritedAdminSocket() throws(StartFailure) -> CInt? {
        do { return try inheritance.sockets.claimOne(named: AdminServer.inheritedName) } catch {
            throw StartFailure(.operatingSystem, error.description)
        }
    }

    private func makeContext(_ loop: EventLoop, _ reporter: StatusReporter) throws -> ServiceContext {
        let store = DescriptorStore(writer)
        let ledger = openLedger(store)
        // Another image knows which was the last; after a crash only up to which they may have been.
        let last = inheritance.state?.lastConnection ?? ledger?.reservedIDs ?? 0
        let spawner: Spawner
        do { spawner = try Spawner(on: loop) } catch {
            throw StartFailure("cannot prepare to start programs", error)
        }
        return ServiceContext(
            loop: loop, spawner: spawner, settings: CurrentSettings(configuration.settings), logger: logger,
            numbering: ConnectionNumbering(after: last) { ledger?.reservedIDs = $0 },
            environment: ProcessEnvironment.variables, identity: .current,
            events: EventHub(on: loop, logger: logger), ledger: ledger, store: store,
            inherited: inheritance.sockets, controlGroups: .ofThisProcess(),
            changes: ChangeSignal(on: loop) { reporter.changed() })
    }

    /// The ledger of the daemon before this one, or a new one; nil when there is no memory for it.
    private func openLedger(_ store: DescriptorStore) -> ConnectionLedger? {
        if let file = inheritance.sockets.claimOwn(KeptName.ledger) {
            do throws(LedgerDefect) { return try ConnectionLedger(adopting: file) } catch {
                logger.error(
                    "cannot read what the serverd before has written down; programs that it started run on unseen",
                    metadata: ["error": .string(error.description)])
                store.forget(KeptName.ledger)
            }
        }
        do throws(Errno) {
            let ledger = try ConnectionLedger(capacity: ProcessEnvironment.descriptorLimit)
            store.keep(try ledger.copy(), as: KeptName.ledger)
            return ledger
        } catch {
            logger.error(
                "cannot write down which programs run; if serverd crashes or is replaced, nobody will know of them",
                metadata: ["error": .string(error.textWithRemedy)])
            return nil
        }
    }

    // Nothing is closed: listeners have their queues and files, programs their connections, and the next one finds them.
    private func leave(_ manager: ServiceManager, _ reporter: StatusReporter) async -> Never {
        logger.notice("leaving everything to the serverd that is started now")
        reporter.ending(longest: Handover.patience * 2 + .seconds(5))
        _ = await Handover(manager, Holds()).finish()
        await manager.context.events.finish()
        writer.finish()
        exit(EXIT_SUCCESS)
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

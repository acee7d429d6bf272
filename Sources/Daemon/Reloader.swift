// SPDX-License-Identifier: Apache-2.0
// Reloads and plans, one at a time: who asks during one is answered by the next, which sees what was written till then.

internal import EventLoops
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer

/// Who asked for a reload.
enum ReloadRequester: Sendable {
    /// Somebody who may send signals to the daemon.
    case signal
    /// A caller of the admin socket.
    case caller(uid: UInt32, pid: Int32)
}

/// What happens around a reload, for whoever must be told.
struct ReloadObserver: Sendable {
    /// It begins.
    var began: @Sendable () -> Void = {}
    /// It has ended, well or not.
    var ended: @Sendable () async -> Void = {}
}

/// Reads the configuration and puts it into effect, or says what that would change.
///
/// It waits until the daemon is ready.
final class Reloader: Sendable {
    typealias Outcome = Result<Manager.Reload.Result, ReloadFailure>

    private let manager: ServiceManager
    private let source: ConfigurationSource
    private let logger: Logger
    private let observer: ReloadObserver
    private let reloads: OneAtATime<Outcome>
    private let plans: OneAtATime<Result<Manager.Plan.Result, ReloadFailure>>
    private let lookForReload = PatientLook(name: "reload-doubts")
    private let lookForPlan = PatientLook(name: "plan-doubts")

    /// Reloads `manager` from `source`.
    init(
        _ manager: ServiceManager, from source: ConfigurationSource, logger: Logger,
        observer: ReloadObserver = ReloadObserver()
    ) {
        self.manager = manager
        self.source = source
        self.logger = logger
        self.observer = observer
        reloads = OneAtATime(on: manager.context.loop)
        plans = OneAtATime(on: manager.context.loop)
    }

    /// Reads the configuration and puts it into effect: all of it, or, if it is invalid, nothing.
    ///
    /// Returns when new addresses are listened on and old ones are not, or after a second: an address whose clients wait
    /// behind a full limit closes when they are served, and what is to listen there next waits for that by itself.
    func reload(for requester: ReloadRequester) async throws(ReloadFailure) -> Manager.Reload.Result {
        log(requester)
        return try await reloads.run { await self.reloadNow() }.get()
    }

    /// Whether no reload is under way or waits.
    var isIdle: Bool { get async { await reloads.isIdle } }

    /// Says what a reload would change.
    func plan() async throws(ReloadFailure) -> Manager.Plan.Result {
        try await plans.run { [manager, source, lookForPlan] in
            await manager.started()
            do throws(ConfigErrors) {
                let next = try await source.load(on: manager.context.loop, previous: manager.configuration)
                let warnings = await next.warnings(on: manager.context.loop, by: lookForPlan)
                return .success(
                    Manager.Plan.Result(
                        changes: await manager.changes(to: next.configuration),
                        warnings: warnings.map { ConfigurationWarning($0) }))
            } catch {
                return .failure(.invalid(error))
            }
        }.get()
    }

    private func reloadNow() async -> Outcome {
        await manager.started()
        guard await manager.daemonState != .stopping else { return end(.failure(.stopping)) }
        let loop = manager.context.loop
        let began = loop.now
        observer.began()
        let outcome: Outcome
        do throws(ConfigErrors) {
            let next = try await source.load(on: loop, previous: manager.configuration)
            for doubt in next.doubts { doubt.log(to: logger) }
            outcome = await apply(next)
        } catch {
            outcome = .failure(.invalid(error))
        }
        _ = end(outcome, took: loop.now - began)
        await observer.ended()
        return outcome
    }

    private func apply(_ next: ReadConfiguration) async -> Outcome {
        do throws(ReloadFailure) {
            let (changes, notListening) = try await manager.apply(next.configuration)
            let warnings = await next.warnings(on: manager.context.loop, by: lookForReload)
            return .success(
                .init(
                    changes: changes, notListening: notListening,
                    warnings: warnings.map { ConfigurationWarning($0) }))
        } catch {
            return .failure(error)
        }
    }

    // MARK: The log

    private func log(_ requester: ReloadRequester) {
        switch requester {
        case .signal:
            logger.notice("reload requested", metadata: ["by": "SIGHUP"])
        case .caller(let uid, let pid):
            logger.notice(
                "reload requested", metadata: ["uid": .stringConvertible(uid), "caller_pid": .stringConvertible(pid)])
        }
    }

    private func end(_ outcome: Outcome, took duration: Duration = .zero) -> Outcome {
        let events = manager.context.events
        switch outcome {
        case .success(let result):
            let changes = result.changes
            events.reloaded(changes)
            func count(_ kind: ChangeKind) -> Logger.MetadataValue {
                .stringConvertible(changes.services.count { $0.kind == kind })
            }
            logger.notice(
                "reloaded",
                metadata: [
                    "added": count(.added), "removed": count(.removed), "changed": count(.changed),
                    "unchanged": .stringConvertible(changes.unchanged),
                    "settings": .stringConvertible(changes.settings.count),
                    "duration_ms": .stringConvertible(duration.wholeMilliseconds),
                ])
        case .failure(.invalid(let errors)):
            events.reloadFailed(Manager.ConfigurationInvalid(errors).errors)
            for error in errors.errors {
                logger.error("mistake in the configuration", metadata: Self.describe(error))
            }
            logger.error(
                "not reloaded: the configuration has mistakes, and nothing was changed",
                metadata: ["mistakes": .stringConvertible(errors.errors.count)])
        case .failure(.stopping):
            logger.notice("not reloaded: serverd is stopping")
        }
        return outcome
    }

    /// A mistake's place and text as keys of the log.
    static func describe(_ error: ConfigError) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["file": .string(error.file), "error": .string(error.message)]
        if let line = error.line { metadata["line"] = .stringConvertible(line) }
        if let column = error.column { metadata["column"] = .stringConvertible(column) }
        if let expected = error.expected { metadata["expected"] = .string(expected) }
        if let hint = error.suggestion { metadata["hint"] = .string(hint) }
        return metadata
    }
}

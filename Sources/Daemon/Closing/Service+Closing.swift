// SPDX-License-Identifier: Apache-2.0
// A service's part in a closing: it stops listening, its connections are asked to end, and each end is told.

internal import EventLoops
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Supervision

extension Service {
    /// Accepts those who have connected, and returns when it listens no more.
    ///
    /// Where it only waits for an address of another service, it does not begin to listen any more.
    ///
    /// When the task is cancelled it returns sooner, and listening ends by itself.
    func finishAccepting() async {
        await withTaskGroup(of: Void.self) { group in
            for server in servers { group.addTask { await server.finishAccepting() } }
        }
    }

    /// Closes by `plan`, or makes the closing that is under way as strict; both are finished together.
    func close(_ plan: ClosingPlan) -> Closing {
        Closing.begin(plan, .service, of: [self], context, joining: closings.first { $0.scope == .service })
    }

    /// Closes for good: stops listening without losing who has connected, gives connections `grace` to end, and then
    /// ends them.
    ///
    /// Returns when none is left.
    func drain(grace: Duration) async {
        await close(.stop(after: grace, stopTimeout: context.settings.stopTimeout, now: context.loop.now)).finished()
        releaseProgram()
    }

    /// Takes part in `closing`, with the connections that `isMeant` holds for, or all if the service itself closes.
    func join(_ closing: Closing, _ isMeant: (ConnectionStatus) -> Bool) {
        closings.append(closing)
        for (id, entry) in served where closing.closesServices || isMeant(status(of: entry)) {
            closing.assumeIsolated { $0.admit(id, of: name) }
        }
        for (id, lingering) in lingering where closing.closesServices || isMeant(lingering.status) {
            closing.assumeIsolated { $0.admit(id, of: name) }
        }
        guard closing.closesServices else { return }
        act(on: phase.beginDraining(alone: closing.scope == .service))
        closing.assumeIsolated { $0.beginAccepting() }
        // The closing is not finished before this is.
        _ = Task(executorPreference: context.loop) {
            await self.finishAccepting()
            await closing.endAccepting()
        }
    }

    /// Nothing of `closing` is left to be done here.
    func leave(_ closing: Closing) {
        closings.removeAll { $0 === closing }
        if closing.closesServices, closing.assumeIsolated({ $0.endsConnections }) { endWhatIsLeft() }
        if !closings.contains(where: \.closesServices) { phase.drained() }
        changed()
    }

    // What has left its connection's process group is not known to belong to anybody, but to the service.
    private func endWhatIsLeft() {
        guard handling.program?.killWhatIsLeft() ?? false else { return }
        logger.notice("ended processes that had left their connection's process group")
    }

    /// Accepts nobody any more, not even those who had connected before.
    func stopListening() {
        for server in servers { server.closeNow() }
    }

    /// Asks a connection to end; one that was asked before only if it is to end sooner now.
    func end(_ connection: Connection, by: CloseBy, killsAt: Duration) {
        let asked = served[connection.id]?.endRequest
        served[connection.id]?.endRequest = EndRequest(
            by: asked?.by == .stop ? .stop : by, killsAt: min(asked?.killsAt ?? killsAt, killsAt))
        if by == .shutdown, asked == nil { shutDown(connection) }
        connection.closeNow()
        // One that was asked before is not asked by its connection again. One that is only being started has no group
        // yet that a signal could reach: it is asked when it is handed over.
        if let process = running(connection.id)?.process, process.isExecuted {
            process.stop(stopLadder(of: connection.id))
        }
        changed()
    }

    /// How the program of a connection is ended.
    func stopLadder(of id: UInt64) -> StopLadder {
        guard let request = served[id]?.endRequest else { return .terminate(grace: context.settings.stopTimeout) }
        let grace = max(.zero, request.killsAt - context.loop.now)
        return request.by == .shutdown ? .wait(grace) : .terminate(grace: grace)
    }

    // A stream that the kernel cannot shut down is no reason to leave its program running: it is sent SIGTERM instead.
    private func shutDown(_ connection: Connection) {
        guard let running = running(connection.id) else { return }
        do throws(SocketDiagnosisFailure) {
            guard let stream = running.stream else { throw .notSupported }
            try SocketDiagnostics.destroy(stream, by: context.destroyStream)
        } catch .notFound {
            // Its program has seen the end already.
        } catch {
            logger.warning(
                "cannot shut a connection's stream down; its handler is sent SIGTERM",
                metadata: ["connection": .stringConvertible(connection.id), "error": .string("\(error)")])
            served[connection.id]?.endRequest?.by = .stop
        }
    }

    /// A connection has ended: whoever closes it is told, and whoever watches.
    func tellEnd(of ended: ServedConnection, _ duration: Duration, _ error: (any Error)?) {
        let (connection, running) = (ended.connection, ended.running)
        let isLingering = running?.process.report?.isLingering ?? false
        let isWatched = context.events.hasSubscribers
        guard isLingering || isWatched || !closings.isEmpty else { return }
        let exit = ManagerInterface.ExitReport(
            running?.process.report, isBuiltIn: ended.isBuiltIn, isStopped: connection.isClosedByServer,
            duration: duration, error: error)
        let status = status(of: ended)
        if isWatched { context.events.connectionEnded(status, exit) }
        let isFollowed = if let running, isLingering { follow(running.process, status, exit) } else { false }
        let outcome = outcome(of: connection, running?.process)
        for closing in closings {
            closing.assumeIsolated {
                // What is to end has ended when nothing of it is left.
                guard !isFollowed || !$0.endsConnections else { return }
                $0.ended(connection.id, outcome, isLingering: isLingering, exit: exit)
            }
        }
    }

    private func outcome(of connection: Connection, _ process: HandlerProcess?) -> ConnectionOutcome {
        if process?.stopStage == .killed { return .killed }
        return connection.isClosedByServer ? .stopped : .ended
    }
}

extension ManagerInterface.ExitReport {
    /// The end of a connection, and of the process that served it, if one did.
    fileprivate init(
        _ report: Supervision.ExitReport?, isBuiltIn: Bool, isStopped: Bool, duration: Duration, error: (any Error)?
    ) {
        let failure = isStopped ? nil : error.map { "\($0)" }
        self.init(
            ending: isBuiltIn && error == nil ? .returned : .failed, failure: failure, stopped: isStopped,
            duration: duration.wholeMicroseconds)
        guard let report else { return }
        switch report.ending {
        case .exited(let code): (ending, exitCode) = (.exited, code)
        case .killed(let signal, let core): (ending, self.signal, dumpedCore) = (.killed, signal, core)
        case .unknown: ending = .unknown
        }
        userTime = report.userTime.wholeMicroseconds
        systemTime = report.systemTime.wholeMicroseconds
        // What is no more than the daemon's own is what the kernel began with, before the program was executed.
        if report.peakMemory > ProcessEnvironment.peakMemory { peakMemory = report.peakMemory }
        lingering = report.isLingering
    }
}

// SPDX-License-Identifier: Apache-2.0
// The one place where a connection meets a process.

internal import EventLoops
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision

/// What may go wrong with one connection after the other, each told once a minute at most.
struct RepeatedConditions {
    /// A handler could not be started, and is tried again.
    var spawnDelayed = RepeatedCondition<LoopInstant>()
    /// A handler could not be started, for good.
    var spawnFailed = RepeatedCondition<LoopInstant>()
    /// A program could not be written down in the ledger.
    var unrecorded = RepeatedCondition<LoopInstant>()
    /// The service was held back.
    var throttled = RepeatedCondition<LoopInstant>()
}

extension Service {
    /// Serves one connection as the service's definition says at this moment.
    ///
    /// - Throws: what counts as a handler's error.
    func serve(_ connection: Connection) async throws {
        if let running = running(connection.id) { return try await goOnServing(connection, running) }
        switch handling {
        case .program(let program): try await serve(connection, with: program)
        case .builtIn(let builtIn):
            served[connection.id]?.handler = .builtIn(builtIn)
            try await streams.serve(connection) { try await builtIn.serve($0, $1) }
        }
    }

    /// Serves one connection with a program: starts it, hands the connection over, waits for its end.
    ///
    /// - Throws: what counts as a handler's error: the program could not be started, or its end is no success.
    private func serve(_ connection: Connection, with program: ServiceProgram) async throws {
        program.beginUse()
        defer { program.endUse() }
        if let running = try await start(program, for: connection) { try await attend(running, connection) }
    }

    /// Serves a connection that a program has got from an earlier daemon, and whose use has begun.
    private func goOnServing(_ connection: Connection, _ running: RunningHandler) async throws {
        defer { running.program.endUse() }
        try await attend(running, connection)
    }

    /// Waits for the end of a process that has a connection.
    ///
    /// - Throws: what counts as a handler's error.
    private func attend(_ running: RunningHandler, _ connection: Connection) async throws {
        let (process, program) = (running.process, running.program)
        await connection.handOver(
            stop: { self.assumeIsolated { process.stop($0.stopLadder(of: connection.id)) } },
            ended: { _ = await process.exited() })
        let report = await process.exited()
        context.ledger?.erase(connection.id)
        program.ended(process, connection)
        log(report, of: process, connection)
        let failure = HandlerFailure(report.ending, expected: program.definition.successExitStatus)
        // A program that we have told to end is not to be blamed for how it does.
        guard !connection.isClosedByServer else { return }
        if let failure { throw failure }
        noteSuccess()
    }

    /// Starts the program, and tries again while there is only not enough of something.
    ///
    /// - Returns: nil when the connection was closed meanwhile.
    private func start(_ program: ServiceProgram, for connection: Connection) async throws -> RunningHandler? {
        var backoff = Backoff(first: .milliseconds(100), longest: .seconds(1))
        let hold = HoldReason.start(connection.id)
        defer { release(hold) }
        while true {
            do {
                return try await spawn(program, for: connection)
            } catch let failure where failure.isTransient {
                if let times = repeated.spawnDelayed.occurred(at: LoopInstant(context.loop.now)) {
                    logger.warning(
                        "cannot start the handler now; the connection waits, and nobody else is accepted",
                        metadata: describe(failure, connection, times))
                }
                counters.note(error: failure.description, at: WallClock.microseconds)
                // Until this one is served: whoever is accepted meanwhile would only fail in the same way.
                self.hold(for: hold)
                // A cancelled sleep only tries again sooner.
                try? await context.loop.sleep(for: backoff.failed())
            } catch {
                if let times = repeated.spawnFailed.occurred(at: LoopInstant(context.loop.now)) {
                    logger.error("cannot start the handler", metadata: describe(error, connection, times))
                }
                // One that a reload has replaced says nothing about its successor.
                if program === handling.program { noteSpawnFailure() }
                throw error
            }
        }
    }

    private func spawn(
        _ program: ServiceProgram, for connection: Connection
    ) async throws(SpawnFailure) -> RunningHandler? {
        // The path that a caller of the admin socket has given its own end is no peer's address.
        let peer = connection.isGiven ? .unix(.unnamed) : connection.peer
        let slot = await slot(program, connection)
        do throws(SpawnFailure) {
            // Before the program begins: it must not speak, and be unknown to whoever follows us after a crash.
            return try await program.spawn(in: slot, for: connection, from: peer) { running in
                served[connection.id]?.handler = .program(running)
                record(connection, running)
            }
        } catch {
            served[connection.id]?.handler = .none
            context.ledger?.erase(connection.id)
            throw error
        }
    }

    // Clients wait in the kernel's queue then, which outlives us, and not for us.
    private func slot(_ program: ServiceProgram, _ connection: Connection) async -> SpawnSlot {
        guard program.isCrowded else { return await program.slot() }
        hold(for: .turn(connection.id))
        defer { release(.turn(connection.id)) }
        return await program.slot()
    }

    private func describe(_ failure: SpawnFailure, _ connection: Connection, _ times: Int) -> Logger.Metadata {
        [
            "connection": .stringConvertible(connection.id), "peer": .stringConvertible(connection.peer),
            "error": .string(failure.description), "times": .stringConvertible(times),
        ]
    }

    private func log(_ report: ExitReport, of process: HandlerProcess, _ connection: Connection) {
        guard logger.logLevel <= .info else { return }
        var metadata: Logger.Metadata = [
            "connection": .stringConvertible(connection.id),
            "peer": .stringConvertible(connection.peer),
            "pid": .stringConvertible(process.pid),
            "duration_ms": .stringConvertible(report.duration.wholeMilliseconds),
        ]
        switch report.ending {
        case .exited(let code): metadata["exit_code"] = .stringConvertible(code)
        case .killed(let signal, _): metadata["signal"] = .string(SignalName.name(signal) ?? "\(signal)")
        case .unknown: break
        }
        if report.isLingering { metadata["lingering"] = "true" }
        logger.info("connection ended", metadata: metadata)
    }
}

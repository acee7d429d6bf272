// SPDX-License-Identifier: Apache-2.0
// Replaces this image of the daemon by the program that is at its path now: the steps, and the way back before the last.

internal import Descriptors
internal import EventLoops
internal import Logging
internal import ManagerInterface
internal import Policy
internal import SocketServer
internal import Synchronization
internal import SystemPackage
internal import Systemd

/// Why the daemon was not replaced; it goes on as before.
struct ReexecFailure: Error {
    /// What kind of reason it is.
    let obstacle: ReexecObstacle
    /// The reason, for a person.
    let detail: String
}

/// Replaces this image of the daemon by the program at its own path, in the same process.
///
/// | step | what there is | when it fails |
/// |---|---|---|
/// | check | everything serves; the new program looks at state and configuration, as a child | nothing has happened |
/// | wait | nobody is accepted; handlers are being started, connections that the daemon serves itself may end | those that last are ended |
/// | check again, if that took long | as at first | everybody is accepted again |
/// | replace | the last state is written, the log too; then the exec | everybody is accepted again |
/// | start | the new image claims what it was passed | it goes back to this one, by `Inheritance.goBack(because:)` |
final class Reexecutor: Sendable {
    /// Tells how far it has come, and returns when that is sent.
    typealias Tell = @Sendable (Manager.Reexec.Result) async -> Void

    /// How long what the check has found is relied on.
    private static let checkLasts = Duration.milliseconds(100)

    private let manager: ServiceManager
    private let reloader: Reloader
    private let writer: LogWriter
    private let reporter: StatusReporter
    private let images: Int
    private let isUnderWay = Mutex(false)
    /// What passes besides what services have: the same for the daemon's whole life.
    private let own = Mutex(Own())

    /// The daemon's own descriptors.
    struct Own: Sendable {
        var descriptors: [SuccessionState.PassedDescriptor] = []
        var adminSocketFile: SuccessionState.FileIdentity?
    }

    /// Replaces the daemon of `manager`, which has been `images` images so far.
    init(
        _ manager: ServiceManager, _ reloader: Reloader, writer: LogWriter, reporter: StatusReporter, images: Int
    ) {
        self.manager = manager
        self.reloader = reloader
        self.writer = writer
        self.reporter = reporter
        self.images = images
    }

    /// Passes these on, too.
    func pass(_ descriptors: Own) { own.withLock { $0 = descriptors } }

    /// Replaces the daemon: returns only when that fails.
    ///
    /// It goes on when the caller is cancelled.
    func reexec(_ tell: @escaping Tell) async throws(ReexecFailure) -> Never {
        let wasUnderWay = isUnderWay.withLock { isUnderWay in
            defer { isUnderWay = true }
            return isUnderWay
        }
        guard !wasUnderWay else { throw ReexecFailure(obstacle: .busy, detail: "another reexec is under way") }
        let failure = await Task(executorPreference: manager.context.loop) { await self.perform(tell) }.value
        isUnderWay.withLock { $0 = false }
        manager.context.logger.error(
            "not replaced; this serverd goes on", metadata: ["error": .string(failure.detail)])
        throw failure
    }

    private func perform(_ tell: Tell) async -> ReexecFailure {
        await manager.started()
        do throws(ReexecFailure) {
            try await requireQuiet()
            let path = try ownPath()
            var version = try await check(path)
            let checked = manager.context.loop.now
            await tell(.init(step: .checked, from: Version.text, to: version))
            manager.context.logger.notice("replaced by another image soon", metadata: ["version": .string(version)])
            reporter.reloading()
            let holds = Holds()
            do throws(ReexecFailure) {
                let outcome = await Handover(manager, holds).finish()
                guard outcome.left == 0 else {
                    throw ReexecFailure(obstacle: .busy, detail: "\(outcome.left) connections cannot be ended")
                }
                // Program and configuration may be others by now.
                if manager.context.loop.now - checked > Self.checkLasts { version = try await check(path) }
                await tell(.init(step: .replacing, from: Version.text, to: version, ended: outcome.ended))
                throw try await replace(by: path, holds)
            } catch {
                holds.release()
                await reporter.reloaded(manager)
                throw error
            }
        } catch {
            return error
        }
    }

    // MARK: Check

    private func requireQuiet() async throws(ReexecFailure) {
        guard let reason = await obstacle() else { return }
        throw ReexecFailure(obstacle: .busy, detail: reason)
    }

    /// What is under way that another image could not go on with.
    private func obstacle() async -> String? {
        guard await manager.daemonState == .running else { return "serverd is stopping" }
        guard await reloader.isIdle else { return "a reload is under way" }
        return await manager.closingUnderWay
    }

    private func ownPath() throws(ReexecFailure) -> String {
        guard let path = Image.ownPath else {
            throw ReexecFailure(obstacle: .program, detail: "cannot read /proc/self/exe, which is where the program is")
        }
        return path
    }

    private func check(_ path: String) async throws(ReexecFailure) -> String {
        let state = try makeState(wayBack: nil)
        do {
            return try await ImageCheck(
                path: path, arguments: CommandLine.arguments, context: manager.context
            ).run(state)
        } catch {
            throw ReexecFailure(obstacle: .check, detail: "\(path): \(error.text)")
        }
    }

    // Only on the loop, where it never waits.
    private func makeState(wayBack: CInt?) throws(ReexecFailure) -> Descriptor {
        let own = own.withLock { $0 }
        var state = manager.assumeIsolated { $0.succession(images: images + 1) }
        state.descriptors += own.descriptors
        state.adminSocketFile = own.adminSocketFile
        state.wayBack = wayBack
        do { return try state.write() } catch {
            throw ReexecFailure(obstacle: .program, detail: "cannot write down the state: \(error.textWithRemedy)")
        }
    }

    // MARK: Replace

    private func replace(by path: String, _ holds: Holds) async throws(ReexecFailure) -> ReexecFailure {
        let program: Descriptor
        do { program = try Image.openOwn() } catch {
            throw ReexecFailure(obstacle: .program, detail: "cannot open /proc/self/exe: \(error.textWithRemedy)")
        }
        // What has begun since is not lost.
        try await requireQuiet()
        return try program.use { number throws(ReexecFailure) in try replaceNow(by: path, wayBack: number) }
    }

    // Without an await: nothing happens any more that the state does not tell.
    private func replaceNow(by path: String, wayBack: CInt) throws(ReexecFailure) -> ReexecFailure {
        guard manager.assumeIsolated({ $0.connectionsOfOurs.isEmpty }) else {
            throw ReexecFailure(obstacle: .busy, detail: "a connection came in the last moment")
        }
        let passing = manager.assumeIsolated { $0.passedDescriptors } + own.withLock(\.descriptors)
        let state = try makeState(wayBack: wayBack)
        writer.flush()
        let error = Image.at(path).replaceThis(
            CommandLine.arguments, state: state, passing: passing.map(\.number) + [wayBack])
        return ReexecFailure(obstacle: .program, detail: "cannot execute \(path): \(error.textWithName)")
    }
}

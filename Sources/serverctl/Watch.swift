// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl watch`.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy

/// Prints what happens, as it happens.
struct Watch: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Prints what happens, a line an event, until it is interrupted.",
        discussion: """
            With --json=short each event is an object on a line of its own. A daemon that goes on as another image, as \
            after serverctl reexec, is watched on; what happened in between is missing.

            Exit status: 0 the daemon was told to stop, and ended; 1 it ended otherwise, or gave up because events were \
            not read fast enough; 2 wrong usage; 4 not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions

    @OptionGroup var output: OutputOptions

    @Option(name: .customLong("kind"), help: ArgumentHelp("Only events of this kind; may be given more than once."))
    var kinds: [EventKind] = []

    @Argument(help: "Only events that concern this service, and those that concern none.", completion: .services)
    var service: String?

    @ParentCommand var parent: Serverctl

    /// Prints events for as long as there is a daemon.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var image: DaemonStatus?
        repeat {} while try watch(&image, context) == .replaced
        if !output.quiet { context.printError("serverctl: serverd was told to stop\n") }
        return .done
    }

    /// How a stream of events ended that nothing went wrong in.
    private enum End {
        case stopped, replaced
    }

    /// Prints the events of one image of the daemon, which it tells in `image`.
    private func watch(_ image: inout DaemonStatus?, _ context: Context) throws(Failure) -> End {
        var isStopping = false
        do throws(Failure) {
            try watch(&image, context) { isStopping = true }
        } catch {
            // It has ended as it was told to. Anything else, such as that events are missing, is told all the same.
            guard error.isEnd else { throw error }
            if isStopping { return .stopped }
            guard let next = successor(of: image, context) else { throw error }
            if !output.quiet {
                context.printError(
                    "serverctl: serverd goes on as another image, version \(SafeText.escape(next.version)); what happened "
                        + "meanwhile is not shown\n")
            }
            return .replaced
        }
        guard isStopping else {
            throw Failure(status: .failed, message: "cannot watch any longer: serverd ended the stream of events")
        }
        return .stopped
    }

    private func watch(_ image: inout DaemonStatus?, _ context: Context, onStop: () -> Void) throws(Failure) {
        var client = try client(context)
        // By the same connection, so that it is the one whose events come.
        image = try client.call(GetStatus.self, .init(), to: "watch").daemon
        try client.waitForever()
        // Kinds that a newer daemon has could not be understood: they are not asked for. Its stop is always.
        let asked =
            kinds.isEmpty ? EventKind.allCases : kinds.contains(.daemonStopping) ? kinds : kinds + [.daemonStopping]
        let method = Manager.Subscribe.self
        try client.stream(method, .init(service: service, kinds: asked), to: "watch") { reply throws(Failure) in
            if reply.events.contains(where: { $0.kind == .daemonStopping }) { onStop() }
            guard !output.quiet else { return true }
            let shown = reply.events.filter { kinds.isEmpty || kinds.contains($0.kind) }
            context.print(shown.map { event in output.json.render(event) { EventText.line(event) } }.joined())
            return true
        }
    }

    /// What the process of `image` has become, if it is another image now.
    private func successor(of image: DaemonStatus?, _ context: Context) -> DaemonStatus? {
        // What fails here, fails after the stream has: that is what is told.
        guard let image, let now = try? daemonStatus(context, to: "watch") else { return nil }
        return now.pid == image.pid && now.images != image.images ? now : nil
    }
}

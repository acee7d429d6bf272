// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl open`.

internal import ArgumentParser
internal import ManagerInterface
internal import Policy
internal import Varlink

/// Has a service that is closed, or has failed, listen now, or all of them.
struct Open: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "open",
        abstract: "Has a service that is closed, or has failed, listen now; with --all, all of them.",
        discussion: """
            One that listens stays as it is. --all is for the time after a drain, and opens what was closed by name before \
            it, too; it is refused as long as a service is draining. A suspension of a closed service ends.

            Exit status: 0 done; 1 failed, also when an address cannot be listened on; 2 wrong usage; 4 no such \
            service, not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    @Flag(help: "Open all services that are closed or have failed.")
    var all = false

    @Argument(help: "The service.", completion: .services)
    var service: String?

    @ParentCommand var parent: Serverctl

    /// Refuses what does not go together.
    func validate() throws {
        guard all == (service == nil) else { throw ValidationError("Say what to open: either a service, or --all.") }
    }

    /// Has the daemon do it, and tells what the service is doing then.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        guard let service else { return try openAll(context) }
        let status = try change(
            by: Manager.OpenService.self, .init(service: service), to: "open service \"\(service)\"", output, context
        ) { StatusText.sentence($0) }
        guard status.state == .failed else { return .done }
        throw Failure(
            status: .failed,
            message: "service \"\(status.name)\" cannot listen: \(status.failure ?? "see serverd's log")"
                + StatusText.retry(status, now: context.now()))
    }

    private func openAll(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let reply = try client.call(Manager.OpenServices.self, .init(), to: "open all services")
        output.print(reply, context) {
            let names = reply.opened.map(SafeText.escape).joined(separator: ", ")
            return reply.opened.isEmpty
                ? "No service was opened.\n" : "Opened \(CountText.of(reply.opened.count, "service")): \(names).\n"
        }
        guard !reply.notListening.isEmpty else { return .done }
        throw Failure(
            status: .failed, message: NotListeningText.summary(reply.notListening),
            details: NotListeningText.lines(reply.notListening, now: context.now()))
    }
}

// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl set-limit`.

internal import ArgumentParser
internal import ManagerInterface

/// Changes how many connections a service may have.
struct SetLimit: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "set-limit", abstract: "Changes how many connections a service may have.",
        discussion: """
            Connections beyond a lower limit go on. It holds until a reload that changes the service, or the daemon's \
            next start.

            Exit status: 0 done; 1 failed; 2 wrong usage; 4 no such service, not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The service.", completion: .services)
    var service: String

    @Argument(help: "How many connections it may have.")
    var limit: Int

    @ParentCommand var parent: Serverctl

    /// Has the daemon do it, and tells what the service is doing then.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        try change(
            by: Manager.SetLimit.self, .init(service: service, maxConnections: limit),
            to: "set the limit of service \"\(service)\"", output, context
        ) { service in
            let excess = service.connections - service.connectionLimit
            let waiting = excess > 0 ? " None is accepted until \(excess + 1) have ended." : ""
            return StatusText.sentence(service) + waiting
        }
        return .done
    }
}

// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl connect`.

internal import ArgumentParser
internal import Descriptors
internal import Glibc
internal import ManagerInterface
internal import Varlink

/// Becomes a connection of a service, between the standard input and output.
struct Connect: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Connects the standard input and output with a service, without an address of it.",
        discussion: """
            For services with "connect = true". The end of the input is passed on; the verb itself ends when the \
            service closes the connection.

            Exit status: 0 connected, until the end; 1 failed; 2 wrong usage; 4 no such service, not permitted, or \
            no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions

    @Argument(help: "The service.", completion: .services)
    var service: String

    @ParentCommand var parent: Serverctl

    /// Has the connection to the daemon become one of the service.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        // A socket would get the number of what is closed, and be taken for it.
        guard fcntl(context.input, F_GETFD) >= 0, fcntl(context.output, F_GETFD) >= 0 else {
            throw Failure(
                status: .usage,
                message: "cannot connect to service \"\(service)\": the standard input and output must be open")
        }
        var client = try client(context)
        _ = try client.call(
            Manager.Connect.self, .init(service: service), to: "connect to service \"\(service)\"", mode: .upgrade)
        try client.waitForever()
        try client.useUpgraded { socket, received throws(Failure) in
            var relay = Relay(
                input: context.input, output: context.output, service: service, received: received)
            try relay.run(socket)
        }
        return .done
    }
}

// SPDX-License-Identifier: Apache-2.0
// What the verbs have in common that change one service and take nothing but its name.

internal import ArgumentParser
internal import ManagerInterface

/// The command line of a verb that changes one service.
struct ServiceOptions: ParsableArguments {
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The service.", completion: .services)
    var service: String
}

/// A verb that changes one service and takes nothing but its name.
protocol ServiceVerb: DaemonVerb {
    /// The command line.
    var options: ServiceOptions { get }
}

extension ServiceVerb {
    /// Where the daemon is, as said behind the verb.
    var daemon: DaemonOptions { options.daemon }

    /// Has the daemon do it, tells what the service is doing then, and returns that.
    @discardableResult func change<Method: ManagerMethod>(
        by method: Method.Type, to verb: String, _ context: Context
    ) throws(Failure) -> ServiceStatus where Method.Parameters == ServiceParameters, Method.Result == ServiceReply {
        try change(
            by: method, .init(service: options.service), to: "\(verb) service \"\(options.service)\"", options.output,
            context
        ) { StatusText.sentence($0) }
    }
}

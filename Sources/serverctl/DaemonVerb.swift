// SPDX-License-Identifier: Apache-2.0
// What the verbs that talk to the daemon have in common.

internal import ManagerInterface
internal import Varlink

/// A verb that talks to the daemon.
protocol DaemonVerb: Verb {
    /// Where the daemon is, as said behind the verb.
    var daemon: DaemonOptions { get }
    /// The command with the options before the verb.
    var parent: Serverctl { get }
}

extension DaemonVerb {
    /// The path of the daemon's socket.
    func path(_ context: Context) -> String {
        (daemon.adminSocket == nil ? parent.daemon : daemon).path(context)
    }

    /// A connection to the daemon.
    func client(_ context: Context) throws(Failure) -> ManagerClient { try ManagerClient(path: path(context)) }

    /// Asks the daemon which image of it serves, to do `action`.
    func daemonStatus(_ context: Context, to action: String) throws(Failure) -> DaemonStatus {
        var client = try client(context)
        return try client.call(GetStatus.self, .init(), to: action).daemon
    }

    /// Calls a method that changes one service, prints the service as it is then, and returns it.
    @discardableResult func change<Method: ManagerMethod>(
        by method: Method.Type, _ parameters: Method.Parameters, to action: String, _ options: OutputOptions,
        _ context: Context, tell: (ServiceStatus) -> String
    ) throws(Failure) -> ServiceStatus where Method.Result == ServiceReply {
        var client = try client(context)
        let reply = try client.call(method, parameters, to: action)
        options.print(reply, context) { tell(reply.service) + "\n" }
        return reply.service
    }
}

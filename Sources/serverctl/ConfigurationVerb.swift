// SPDX-License-Identifier: Apache-2.0
// What the verbs have in common for which the daemon reads its configuration: mistakes and warnings, as text and as JSON.

internal import ManagerInterface
internal import Varlink

/// The reply to such a call.
protocol ConfigurationReply: VarlinkObject {
    /// What may be a mistake though the configuration is valid.
    var warnings: [ConfigurationWarning] { get }
}

extension Manager.Plan.Result: ConfigurationReply {}
extension Manager.Reload.Result: ConfigurationReply {}

extension DaemonVerb {
    /// Calls a method that reads the configuration.
    ///
    /// Warnings go to the standard error, as those of `serverd --check` do; they stand in the JSON where that is asked
    /// for, and so do the mistakes of a configuration that is invalid.
    func read<Method: VarlinkMethod>(
        by method: Method.Type, _ client: inout ManagerClient, to action: String, _ options: OutputOptions,
        _ context: Context
    ) throws(Failure) -> Method.Result where Method.Parameters == NoFields, Method.Result: ConfigurationReply {
        do throws(Failure) {
            let reply = try client.call(method, .init(), to: action)
            if options.json == .off, !options.quiet {
                for warning in reply.warnings { context.printError(warning.headline + "\n") }
            }
            return reply
        } catch {
            if let mistakes = error.mistakes, options.json != .off {
                options.print(Manager.ConfigurationInvalid(errors: mistakes), context) { "" }
            }
            throw error
        }
    }
}

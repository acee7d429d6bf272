// SPDX-License-Identifier: Apache-2.0
// The program serverctl: its command line, and what becomes of each outcome.

internal import ArgumentParser
internal import Glibc
internal import ManagerInterface
internal import Policy

/// The operator's tool.
@main
struct Serverctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serverctl",
        abstract: "Looks at and operates a serverd daemon.",
        discussion: """
            Durations are written as in the configuration: 30s, "1min 30s", 2h. Options may stand before the verb or \
            behind it.

            Exit status: 0 done; 1 failed; 2 wrong usage; 4 not permitted, no daemon, or no such service or \
            connection. What a verb adds to it, its help tells.
            """,
        version: "serverctl \(Version.text)",
        subcommands: [
            Status.self, List.self, Connections.self, Show.self, Top.self, Watch.self, Close.self, Open.self,
            Suspend.self, Resume.self, Drain.self, SetLimit.self, Plan.self, Check.self, Reload.self, Reexec.self,
            Connect.self,
            Completion.self, Names.self,
        ])

    @OptionGroup var daemon: DaemonOptions

    static func main() {
        let status = run(Array(CommandLine.arguments.dropFirst()), context: .process)
        Glibc.exit(status.rawValue)
    }

    /// A command line without a verb.
    func run() throws {
        throw ValidationError("A verb is missing.")
    }

    /// Does what `arguments` say.
    ///
    /// Results go to the context's output, what went wrong to its errors.
    static func run(_ arguments: [String], context: Context) -> Outcome {
        do {
            var command = try parseAsRoot(ArgumentOrder.verbFirst(JSONMode.withDefault(arguments)))
            guard let verb = command as? any Verb else {
                // Help and the like, which are thrown as what to print.
                try command.run()
                return .done
            }
            return try verb.perform(context)
        } catch let failure as Failure {
            context.printError("\(failure.details)serverctl: \(SafeText.escape(failure.message))\n")
            return failure.status
        } catch {
            let message = fullMessage(for: error)
            guard exitCode(for: error).isSuccess else {
                context.printError((unknownVerb(in: arguments) ?? message) + "\n")
                return .usage
            }
            context.print(message + "\n")
            return .done
        }
    }

    /// What is wrong with a command line whose verb does not exist; nil when it exists.
    private static func unknownVerb(in arguments: [String]) -> String? {
        let verbs = configuration.subcommands.map { $0._commandName }
        guard let word = ArgumentOrder.verb(in: arguments).map({ arguments[$0] }), word != "help",
            !verbs.contains(word)
        else { return nil }
        let nearest = NearestName.find(word, among: verbs) ?? verbs.first { $0.hasPrefix(word) }
        return "serverctl: there is no verb \"\(SafeText.escape(word))\"; "
            + (nearest.map { "did you mean \"\($0)\"?" } ?? "see serverctl --help")
    }
}

/// A verb of serverctl.
protocol Verb: ParsableCommand {
    /// Does the verb's work.
    func perform(_ context: Context) throws(Failure) -> Outcome
}

/// Where the daemon is.
///
/// It may stand before or after the verb.
struct DaemonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The daemon's admin socket (default: $SERVERD_ADMIN_SOCKET, else \(Manager.defaultSocketPath)).",
            valueName: "path"))
    var adminSocket: String?

    /// The socket's path: the option's, else the environment's, else the default.
    func path(_ context: Context) -> String {
        adminSocket ?? context.environment("SERVERD_ADMIN_SOCKET") ?? Manager.defaultSocketPath
    }
}

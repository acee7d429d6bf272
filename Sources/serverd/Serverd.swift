// SPDX-License-Identifier: Apache-2.0
// The program serverd: its flags, and the order in which a daemon starts.

internal import ArgumentParser
internal import Daemon
internal import ServiceConfig

@main
struct Serverd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serverd",
        abstract:
            "Accepts connections and gives each of them to a program, as inetd does, and supervises the programs.",
        discussion: """
            Services are TOML files in the directory services.d beside FILE. SIGTERM and SIGINT drain and stop the \
            daemon; a second one ends the connections that are left.

            Exit codes: 0 success, 64 wrong usage, 71 the system did not give what is needed, 78 wrong configuration.
            """,
        version: StartSequence.versionLine)

    @Option(name: .customLong("config"), help: ArgumentHelp("The configuration.", valueName: "file"))
    var configurationPath = ConfigurationLocation.defaultPath

    @Option(
        name: .customLong("admin-socket"), help: ArgumentHelp("Where serverctl finds the daemon.", valueName: "path"))
    var adminSocket = StartSequence.defaultAdminSocket

    @Flag(help: "Check the configuration and exit: 0 if it is right, 78 if not.")
    var check = false

    @Option(help: ArgumentHelp("How log lines are written: text, or json for machines.", valueName: "format"))
    var logFormat = LogDestination.Request.text

    @Flag(help: .hidden)
    var checkState = false

    @Flag(help: .hidden)
    var afterStop = false

    func run() throws {
        if afterStop { throw ArgumentParser.ExitCode(AfterStop.run().rawValue) }
        let sequence = StartSequence(
            configuration: ConfigurationLocation(path: configurationPath), adminSocket: adminSocket,
            logFormat: logFormat)
        let code = check ? sequence.check() : checkState ? sequence.checkState() : sequence.run()
        throw ArgumentParser.ExitCode(code.rawValue)
    }
}

extension LogDestination.Request: ExpressibleByArgument {}

// SPDX-License-Identifier: Apache-2.0
// A program that serves connections: what is started, as whom, and in which surroundings.

package import Policy

/// A program that serves connections, as the configuration defines it.
package struct ProgramDefinition: Equatable, Sendable {
    /// The umask of a program when nothing is said.
    package static let defaultUmask: UInt32 = 0o022
    /// The working directory of a program when nothing is said.
    package static let defaultWorkingDirectory = "/"

    /// The program's absolute path, followed by its arguments.
    ///
    /// No text has a NUL in it.
    package let arguments: [String]
    /// The account it runs as; nil means as the daemon itself does.
    package let account: Account?
    /// Environment variables that are set, besides those that describe the connection.
    package let environment: [String: String]
    /// Environment variables that are passed on from the daemon's own environment, if they are set there.
    package let passEnvironment: [String]
    /// The absolute path of its working directory.
    package let workingDirectory: String
    /// Its umask.
    package let umask: UInt32
    /// Which of its ends count as a success.
    package let successExitStatus: SuccessExitStatus
    /// Whether an operator may end its TCP stream under it, which the program sees as a broken connection.
    package let allowsShutdown: Bool
    /// How much each connection's program may have, in a control group of its own; nil for none of its own.
    package let resources: ResourceLimits?

    /// The absolute path of the program.
    package var path: String { arguments[0] }

    /// A program at an absolute path; no text may have a NUL in it, no name an `=`.
    package init(
        path: String, arguments: [String] = [], account: Account? = nil, environment: [String: String] = [:],
        passEnvironment: [String] = [], workingDirectory: String = defaultWorkingDirectory,
        umask: UInt32 = defaultUmask, successExitStatus: SuccessExitStatus = SuccessExitStatus(),
        allowsShutdown: Bool = false, resources: ResourceLimits? = nil
    ) {
        precondition(path.hasPrefix("/") && workingDirectory.hasPrefix("/"), "paths of a program are absolute")
        precondition(umask <= 0o777, "a umask has permission bits only")
        let names = environment.keys + passEnvironment
        precondition(names.allSatisfy { !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "=")) }, "a variable has a name")
        let texts = [path, workingDirectory] + arguments + names + environment.values
        precondition(!texts.contains { $0.utf8.contains(0) }, "the kernel would cut a text at its NUL")
        self.arguments = [path] + arguments
        self.account = account
        self.environment = environment
        self.passEnvironment = passEnvironment
        self.workingDirectory = workingDirectory
        self.umask = umask
        self.successExitStatus = successExitStatus
        self.allowsShutdown = allowsShutdown
        self.resources = resources
    }
}

/// Which ends of a program count as a success: exit code 0 always, and those that are added.
package struct SuccessExitStatus: Equatable, Sendable {
    /// The exit codes, 0 among them.
    package let codes: Set<UInt8>
    /// The numbers of the signals.
    package let signals: Set<Int32>

    /// Exit code 0 and these.
    package init(codes: Set<UInt8> = [], signals: Set<Int32> = []) {
        self.codes = codes.union([0])
        self.signals = signals
    }
}

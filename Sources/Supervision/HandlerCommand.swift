// SPDX-License-Identifier: Apache-2.0
// The program of a service as a value: what to execute, as whom, and with what around it.

/// The account that a program runs as, as it was looked up; nothing here looks anything up.
package struct HandlerAccount: Equatable, Sendable {
    /// The user's number.
    package var uid: UInt32
    /// The number of the primary group.
    package var gid: UInt32
    /// The numbers of all groups; they replace those of the daemon.
    package var groups: [UInt32]
    /// The login name, for `USER` and `LOGNAME`.
    package var name: String
    /// The home directory, for `HOME`.
    package var home: String
    /// The login shell, for `SHELL`.
    package var shell: String

    /// An account of these parts.
    package init(uid: UInt32, gid: UInt32, groups: [UInt32], name: String, home: String, shell: String) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.name = name
        self.home = home
        self.shell = shell
    }
}

/// A program and everything that is the same for each of its runs.
package struct HandlerCommand: Equatable, Sendable {
    /// The service's name, for `SERVERD_SERVICE`.
    package var service: String
    /// The program's absolute path; it is not searched for.
    package var path: String
    /// The arguments, the program's own name first.
    package var arguments: [String]
    /// The account whose `HOME`, `USER`, `LOGNAME` and `SHELL` the program finds, `nil` for none of them.
    package var account: HandlerAccount?
    /// Whether the program runs as ``account``, rather than as the daemon's own user.
    ///
    /// Needs root.
    package var changesIdentity = true
    /// Variables for the program.
    ///
    /// They replace the fixed ones of the same name, never those of the connection.
    package var environment: [String: String] = [:]
    /// The working directory; the account must be allowed to enter it.
    package var workingDirectory = "/"
    /// The permissions that files made by the program do not get.
    package var umask: UInt32 = 0o022
    /// Whether the program and its descendants can never gain privileges by executing a set-user-ID file.
    package var forbidsNewPrivileges = true
    /// The soft limit on open descriptors; the hard one is the daemon's.
    package var descriptorLimit: UInt64 = 1024

    /// A program with the defaults for the rest.
    ///
    /// Without `arguments` it gets its path as the only one.
    package init(service: String, path: String, arguments: [String]? = nil, account: HandlerAccount? = nil) {
        self.service = service
        self.path = path
        self.arguments = arguments ?? [path]
        self.account = account
    }

    /// The variables that are the same for every connection, in the order of their names.
    ///
    /// Fixed ones, then the account's, then the configured ones; the later wins. A configured variable with the name
    /// of one that describes the connection is left out: a handler can rely on those.
    package var baseEnvironment: [(name: String, value: String)] {
        var variables = ["PATH": Self.searchPath]
        if let account {
            variables["HOME"] = account.home
            variables["USER"] = account.name
            variables["LOGNAME"] = account.name
            variables["SHELL"] = account.shell
        }
        variables.merge(environment) { _, configured in configured }
        for name in HandlerEnvironment.names { variables[name] = nil }
        variables["SERVERD_SERVICE"] = service
        return variables.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    /// Where programs look for programs, unless it is configured otherwise.
    package static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

/// A command that no kernel could execute: our caller should have refused it.
package struct UnusableCommand: Error, Equatable, CustomStringConvertible {
    /// What is wrong with it, and with which service.
    package let description: String
}

extension HandlerCommand {
    /// Refuses what cannot be told to the kernel.
    func validate() throws(UnusableCommand) {
        guard path.hasPrefix("/") else {
            throw UnusableCommand(description: "service \"\(service)\": the program's path \"\(path)\" is not absolute")
        }
        guard !arguments.isEmpty else {
            throw UnusableCommand(
                description: "service \"\(service)\": the program has no arguments, not even its name")
        }
        let variables = environment.flatMap { [$0.key, $0.value] }
        let texts = [service, path, workingDirectory] + arguments + variables
        guard texts.allSatisfy({ !$0.utf8.contains(0) }) else {
            throw UnusableCommand(
                description: "service \"\(service)\": a NUL character in the program's path, directory, arguments or "
                    + "environment; no program can be given one")
        }
        guard environment.keys.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "=")) }) else {
            throw UnusableCommand(
                description: "service \"\(service)\": the name of a variable is empty or contains \"=\"")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// From a program as the configuration defines it to the command that is executed.

internal import ServiceConfig
internal import Supervision

extension HandlerCommand {
    /// The command of a service's program.
    ///
    /// Variables to be passed on are taken from `environment`; those that the configuration sets win.
    init(_ program: ProgramDefinition, service: ServiceName, as identity: ProcessIdentity, environment: [String: String]) {
        self.init(
            service: service.description, path: program.path, arguments: program.arguments,
            account: program.account.map { account in
                HandlerAccount(
                    uid: account.uid, gid: account.gid, groups: account.supplementaryGroups, name: account.name,
                    home: account.home, shell: account.shell)
            })
        // Who is that account already need not become it; an ordinary user may not even try.
        changesIdentity = identity.isRoot && account.map { !identity.isExactly($0) } ?? false
        let passed = program.passEnvironment.compactMap { name in environment[name].map { (name, $0) } }
        self.environment = Dictionary(passed) { first, _ in first }
            .merging(program.environment) { _, configured in configured }
        workingDirectory = program.workingDirectory
        umask = program.umask
    }
}

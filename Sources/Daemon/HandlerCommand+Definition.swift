// SPDX-License-Identifier: Apache-2.0
// From a program as the configuration defines it to the command that is executed.

internal import ServiceConfig
internal import Supervision

extension HandlerCommand {
    /// The command of a service's program.
    ///
    /// Variables to be passed on are taken from `environment`; those that the configuration sets win.
    init(_ program: ProgramDefinition, service: ServiceName, isRoot: Bool, environment: [String: String]) {
        self.init(
            service: service.description, path: program.path, arguments: program.arguments,
            account: program.account.map { account in
                HandlerAccount(
                    uid: account.uid, gid: account.gid, groups: account.supplementaryGroups, name: account.name,
                    home: account.home, shell: account.shell)
            })
        // An ordinary user is nobody else anyway, and may not say so to the kernel.
        changesIdentity = isRoot
        let passed = program.passEnvironment.compactMap { name in environment[name].map { (name, $0) } }
        self.environment = Dictionary(passed) { first, _ in first }
            .merging(program.environment) { _, configured in configured }
        workingDirectory = program.workingDirectory
        umask = program.umask
    }
}

// SPDX-License-Identifier: Apache-2.0
// What the tests of the configuration share: a user database of their own, and short ways to read a text.

import ServiceConfig
import Testing

/// The user database of the tests: root, git (with two more groups), nobody, daemon (whose groups
/// cannot be looked up), and "broken", which cannot be looked up.
let testAccounts = accounts(groups: ["root": 0, "daemon": 1, "git": 1000, "staff": 50])

/// The user database of the tests with these groups.
func accounts(groups: [String: UInt32]) -> AccountDirectory {
    let users = [
        AccountDirectory.User(name: "root", uid: 0, gid: 0, home: "/root", shell: "/bin/bash"),
        AccountDirectory.User(name: "daemon", uid: 1, gid: 1, home: "/usr/sbin", shell: "/usr/sbin/nologin"),
        AccountDirectory.User(name: "git", uid: 1000, gid: 1000, home: "/srv/git", shell: "/bin/sh"),
        AccountDirectory.User(name: "nobody", uid: 65534, gid: 65534, home: "/", shell: "/usr/sbin/nologin"),
    ]
    return AccountDirectory(
        user: { key throws(AccountLookupFailure) in
            switch key {
            case .name("broken"): throw AccountLookupFailure(reason: "Input/output error")
            case .name(let name): users.first { $0.name == name }
            case .number(let number): users.first { $0.uid == number }
            }
        },
        group: { key throws(AccountLookupFailure) in
            switch key {
            case .name("broken"): throw AccountLookupFailure(reason: "Input/output error")
            case .name(let name): groups[name]
            case .number(let number): number
            }
        },
        groups: { user, gid throws(AccountLookupFailure) in
            if user == "daemon" { throw AccountLookupFailure(reason: "Input/output error") }
            return user == "git" ? [gid, 50, 60] : [gid]
        },
        names: { $0 == .user ? users.map(\.name) : groups.keys.sorted() })
}

/// The daemon as root.
let asRoot = ConfigurationContext(uid: 0, gid: 0, accounts: testAccounts)
/// The daemon as user git.
let asGit = ConfigurationContext(uid: 1000, gid: 1000, accounts: testAccounts)

/// A configuration of service files only.
func configuration(_ files: [(String, String)], as context: ConfigurationContext = asRoot) throws(ConfigErrors)
    -> Configuration
{
    try Configuration(main: nil, services: files.map { SourceFile(path: $0, text: $1) }, context: context)
}

/// The one service that `text` defines.
func service(_ text: String, as context: ConfigurationContext = asRoot) throws -> ServiceDefinition {
    try #require(try configuration([("x.toml", text)], as: context).services.first)
}

/// The program of the service of an exec, a listen and `text`, run as git.
func program(_ text: String, as context: ConfigurationContext = asRoot) throws -> ProgramDefinition {
    let user = context.isRoot && !text.contains("user =") ? "user = \"git\"\n" : ""
    let handler = try service("listen = 79\nexec = [\"/bin/x\"]\n\(user)\(text)", as: context).handler
    guard case .program(let program) = handler else {
        Issue.record("the handler is no program")
        throw CancellationError()
    }
    return program
}

/// The errors in `text` as a service file.
func errors(_ text: String, as context: ConfigurationContext = asRoot) -> [ConfigError] {
    do {
        _ = try configuration([("x.toml", text)], as: context)
        return []
    } catch {
        return error.errors
    }
}

/// The messages of the errors of an echo service with `text`.
func echoErrors(_ text: String) -> [String] {
    errors("listen = 7\nbuiltin = \"echo\"\n\(text)").map(\.message)
}

/// The messages of the errors of a program service with `text`.
func programErrors(_ text: String, as context: ConfigurationContext = asRoot) -> [String] {
    let user = context.isRoot && !text.contains("user =") ? "user = \"git\"\n" : ""
    return errors("listen = 7\nexec = [\"/bin/x\"]\n\(user)\(text)", as: context).map(\.message)
}

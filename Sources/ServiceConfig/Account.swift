// SPDX-License-Identifier: Apache-2.0
// User accounts as the configuration names them, and the directory they are looked up in, which the caller provides.

/// The account that a program runs as.
package struct Account: Equatable, Sendable {
    /// The user's name; the number in digits when the system knows no name.
    package let name: String
    /// The user's number.
    package let uid: UInt32
    /// The number of the primary group.
    package let gid: UInt32
    /// The primary group's name as it was written, or else as the system knows it; nil when there is none.
    package let groupName: String?
    /// The numbers of all groups that are to be set, the primary one included.
    package let supplementaryGroups: [UInt32]
    /// The home directory.
    package let home: String
    /// The login shell.
    package let shell: String

    /// An account from its parts.
    package init(
        name: String, uid: UInt32, gid: UInt32, groupName: String? = nil, supplementaryGroups: [UInt32],
        home: String = "/", shell: String = "/bin/sh"
    ) {
        self.groupName = groupName
        self.name = name
        self.uid = uid
        self.gid = gid
        self.supplementaryGroups = supplementaryGroups
        self.home = home
        self.shell = shell
    }
}

/// How a user or a group is named.
package enum AccountKey: Hashable, Sendable, CustomStringConvertible {
    /// By its name.
    case name(String)
    /// By its number.
    case number(UInt32)

    /// The name, or the number in digits.
    package var description: String {
        switch self {
        case .name(let name): name
        case .number(let number): "\(number)"
        }
    }
}

/// What a name of the user database stands for.
package enum AccountKind: String, Sendable {
    /// A user.
    case user
    /// A group.
    case group
}

/// A group as a setting names it.
package struct Group: Equatable, Sendable {
    /// The name, or the number in digits, as it was written.
    package let name: String
    /// The number.
    package let gid: UInt32

    /// A group from its parts.
    package init(name: String, gid: UInt32) {
        self.name = name
        self.gid = gid
    }
}

/// Why the system's user database gave no answer.
package struct AccountLookupFailure: Error, Equatable, Sendable {
    /// The reason, such as `Input/output error`.
    package let reason: String

    /// A failure with this reason.
    package init(reason: String) { self.reason = reason }
}

/// Where users and groups are looked up.
///
/// "There is none" is nil; an error is for a database that cannot be asked.
package struct AccountDirectory: Sendable {
    /// An entry of the user database.
    package struct User: Equatable, Sendable {
        /// The user's name.
        package let name: String
        /// The user's number.
        package let uid: UInt32
        /// The number of the primary group.
        package let gid: UInt32
        /// The home directory.
        package let home: String
        /// The login shell.
        package let shell: String

        /// An entry from its parts.
        package init(name: String, uid: UInt32, gid: UInt32, home: String, shell: String) {
            self.name = name
            self.uid = uid
            self.gid = gid
            self.home = home
            self.shell = shell
        }
    }

    /// Finds a user.
    package let user: @Sendable (AccountKey) throws(AccountLookupFailure) -> User?
    /// Finds a group's number.
    package let group: @Sendable (AccountKey) throws(AccountLookupFailure) -> UInt32?
    /// Names that the database knows, for suggestions; not necessarily all.
    package let names: @Sendable (AccountKind) -> [String]
    /// The name of a group, to be shown; nil when it has none, or nobody can tell.
    package let groupName: @Sendable (UInt32) -> String?
    /// Finds the groups of the user with this name, including the group given.
    package let groups: @Sendable (_ user: String, _ including: UInt32) throws(AccountLookupFailure) -> [UInt32]

    /// A directory from its questions.
    package init(
        user: @escaping @Sendable (AccountKey) throws(AccountLookupFailure) -> User?,
        group: @escaping @Sendable (AccountKey) throws(AccountLookupFailure) -> UInt32?,
        groups: @escaping @Sendable (_ user: String, _ including: UInt32) throws(AccountLookupFailure) -> [UInt32],
        names: @escaping @Sendable (AccountKind) -> [String] = { _ in [] },
        groupName: @escaping @Sendable (UInt32) -> String? = { _ in nil }
    ) {
        self.groupName = groupName
        self.user = user
        self.group = group
        self.groups = groups
        self.names = names
    }
}

/// What a configuration is checked against besides its own text.
package struct ConfigurationContext: Sendable {
    /// The daemon's effective user: 0 may run programs as anyone, all others only as themselves.
    package let uid: UInt32
    /// The daemon's effective group.
    package let gid: UInt32
    /// Where users and groups are looked up.
    package let accounts: AccountDirectory

    /// A context from its parts.
    package init(uid: UInt32, gid: UInt32, accounts: AccountDirectory) {
        self.uid = uid
        self.gid = gid
        self.accounts = accounts
    }

    /// Whether the daemon is root.
    package var isRoot: Bool { uid == 0 }
}

// SPDX-License-Identifier: Apache-2.0
// Reads users and groups of a service and finds them in the system's user database.

internal import Policy

extension TableReader<ServiceKey> {
    /// The account that a program runs as; nil when it runs as the daemon does, or after an error.
    mutating func account(context: ConfigurationContext) -> Account? {
        let user = user(.user, context: context)
        let group = group(.group, context: context)
        guard context.isRoot else {
            rejectOthers(than: context, user: user, gid: group?.gid)
            return nil
        }
        guard let position = position(.user) else {
            fail(
                self.position(.exec) ?? .start, "the service has no `user`: its program would run as root",
                expected: "user = \"NAME\"; \"root\" if it must be")
            return nil
        }
        guard let user = user?.value else { return nil }
        guard let gid = group?.gid ?? user.gid else {
            if self.position(.group) == nil {
                fail(
                    position, "user \(user.uid) is not in the user database",
                    expected: "`group` too, since nothing else tells its group")
            }
            return nil
        }
        do {
            let groups = user.isKnown ? try context.accounts.groups(user.name, gid) : [gid]
            return Account(
                name: user.name, uid: user.uid, gid: gid, groupName: group?.name ?? context.accounts.groupName(gid),
                supplementaryGroups: groups, home: user.home, shell: user.shell)
        } catch {
            fail(position, "the groups of user \(quoted(user.name)) cannot be looked up: \(error.reason)")
            return nil
        }
    }

    /// Adds errors for a user or a group that only root could switch to.
    private mutating func rejectOthers(than context: ConfigurationContext, user: Located<NamedUser>?, gid: UInt32?) {
        if let user, user.value.uid != context.uid {
            fail(
                user.position, "serverd runs as user \(context.uid) and cannot run a program as user \(user.value.uid)",
                expected: "no `user`, or serverd started as root")
        }
        if let gid, let position = value(.group)?.position, gid != context.gid {
            fail(
                position, "serverd runs with group \(context.gid) and cannot run a program with group \(gid)",
                expected: "no `group`, or serverd started as root")
        }
    }
}

extension TableReader {
    /// A user that a key names, by name or number.
    mutating func user(_ key: Key, context: ConfigurationContext) -> Located<NamedUser>? {
        guard let value = value(key), let account = accountKey(value, of: key) else { return nil }
        do {
            if let user = try context.accounts.user(account.value) {
                return Located(value: NamedUser(user), position: account.position)
            }
        } catch {
            fail(account.position, "user \(quoted(account.value.description)) cannot be looked up: \(error.reason)")
            return nil
        }
        if case .number(let number) = account.value {
            return Located(value: NamedUser(number: number), position: account.position)
        }
        failUnknown(.user, account, context: context)
        return nil
    }

    /// The group that a key names, by name or number.
    mutating func group(_ key: Key, context: ConfigurationContext) -> Group? {
        guard let value = value(key) else { return nil }
        return group(value, of: key, context: context)
    }

    /// The groups of a list, each once; what is wrong with one of them does not hide the others.
    mutating func groups(_ key: Key, context: ConfigurationContext) -> [Group] {
        guard let value = value(key) else { return [] }
        guard case .array(let items) = value.content else {
            wrongKind(key, value, expected: "a list of groups, such as \(key.rawValue) = [\"adm\"]")
            return []
        }
        var groups: [Group] = []
        var known: Set<UInt32> = []
        for item in items where !hasTooManyErrors {
            guard let group = group(item, of: key, context: context) else { continue }
            if known.insert(group.gid).inserted { groups.append(group) }
        }
        return groups
    }

    /// The group that `value`, found at `key`, names by name or number.
    private mutating func group(_ value: TOMLValue, of key: Key, context: ConfigurationContext) -> Group? {
        guard let account = accountKey(value, of: key) else { return nil }
        let name = account.value.description
        // A number needs no entry: files and processes may have any.
        if case .number(let number) = account.value { return Group(name: name, gid: number) }
        do {
            if let number = try context.accounts.group(account.value) { return Group(name: name, gid: number) }
            failUnknown(.group, account, context: context)
        } catch {
            fail(account.position, "group \(quoted(name)) cannot be looked up: \(error.reason)")
        }
        return nil
    }

    /// Adds the error of a name that the user database does not know.
    private mutating func failUnknown(
        _ kind: AccountKind, _ account: Located<AccountKey>, context: ConfigurationContext
    ) {
        let name = account.value.description
        fail(
            account.position, "there is no \(kind.rawValue) \(quoted(name))",
            expected: "a \(kind.rawValue) of this machine, by name or number",
            suggestion: NearestName.find(name, among: context.accounts.names(kind)))
    }

    /// A name or a number of a user or a group.
    ///
    /// The largest number means "no change" to the kernel and is none.
    private mutating func accountKey(_ value: TOMLValue, of key: Key) -> Located<AccountKey>? {
        let expected = "a name in quotes, or a number from 0 to \(UInt32.max - 1)"
        var number: UInt32?
        if case .integer(let integer) = value.content {
            number = UInt32(exactly: integer)
        } else {
            guard let text = string(value, of: key, expected: expected) else { return nil }
            let isNumber = text.value.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
            if !isNumber { return Located(value: .name(text.value), position: text.position) }
            number = UInt32(text.value)
        }
        guard let number, number != .max else {
            fail(value.position, "`\(key.rawValue)` is not a name and not a number of one", expected: expected)
            return nil
        }
        return Located(value: .number(number), position: value.position)
    }
}

/// A user as a service names it: an entry of the user database, or a number that has none.
struct NamedUser {
    let name: String
    let uid: UInt32
    /// The primary group; nil when there is no entry.
    let gid: UInt32?
    let home: String
    let shell: String

    /// Whether the user database knows the user.
    var isKnown: Bool { gid != nil }

    fileprivate init(_ user: AccountDirectory.User) {
        name = user.name
        uid = user.uid
        gid = user.gid
        home = user.home
        shell = user.shell
    }

    fileprivate init(number: UInt32) {
        name = "\(number)"
        uid = number
        gid = nil
        home = "/"
        shell = "/bin/sh"
    }
}

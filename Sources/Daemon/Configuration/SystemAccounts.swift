// SPDX-License-Identifier: Apache-2.0
// The system's user database (passwd, group and whatever NSS has besides) as the configuration asks it.

internal import Descriptors
internal import Glibc
package import ServiceConfig
internal import SystemPackage

extension ConfigurationContext {
    /// This process and the system's user database as they are now.
    package static func current() -> ConfigurationContext {
        ConfigurationContext(uid: geteuid(), gid: getegid(), accounts: .system())
    }
}

extension AccountDirectory {
    /// The system's user database.
    ///
    /// It blocks while NSS does.
    package static func system() -> AccountDirectory {
        AccountDirectory(
            user: SystemAccounts.user, group: SystemAccounts.group,
            groups: { user, gid throws(AccountLookupFailure) in try SystemAccounts.groups(of: user, including: gid) },
            names: SystemAccounts.names, groupName: SystemAccounts.groupName)
    }
}

/// The calls of the C library.
private enum SystemAccounts {
    /// The largest buffer that is tried for one entry: a group may have very many members.
    private static let maximumBuffer = 16 << 20

    static func user(_ key: AccountKey) throws(AccountLookupFailure) -> AccountDirectory.User? {
        try entry { buffer in
            var record = passwd()
            var found: UnsafeMutablePointer<passwd>?
            let result =
                switch key {
                case .name(let name): getpwnam_r(name, &record, buffer.start, buffer.count, &found)
                case .number(let uid): getpwuid_r(uid, &record, buffer.start, buffer.count, &found)
                }
            guard let user = found?.pointee else { return (result, nil) }
            return (
                result,
                AccountDirectory.User(
                    name: String(cString: user.pw_name), uid: user.pw_uid, gid: user.pw_gid,
                    home: String(cString: user.pw_dir), shell: String(cString: user.pw_shell))
            )
        }
    }

    static func group(_ key: AccountKey) throws(AccountLookupFailure) -> UInt32? {
        try entry { buffer in
            var record = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            let result =
                switch key {
                case .name(let name): getgrnam_r(name, &record, buffer.start, buffer.count, &found)
                case .number(let gid): getgrgid_r(gid, &record, buffer.start, buffer.count, &found)
                }
            return (result, found?.pointee.gr_gid)
        }
    }

    static func groupName(_ gid: UInt32) -> String? {
        // A number says it as well, and is all that is lost when the database gives no answer.
        try? entry { buffer in
            var record = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            let result = getgrgid_r(gid, &record, buffer.start, buffer.count, &found)
            return (result, found.map { String(cString: $0.pointee.gr_name) })
        }
    }

    static func groups(of user: String, including gid: UInt32) throws(AccountLookupFailure) -> [UInt32] {
        // NGROUPS_MAX of the kernel.
        let limit: CInt = 65_536
        var count: CInt = 64
        while true {
            var groups = [gid_t](repeating: 0, count: Int(count))
            let capacity = count
            if getgrouplist(user, gid, &groups, &count) >= 0 { return Array(groups.prefix(Int(count))) }
            // With too little room it tells how much is needed; older entries of NSS may not.
            count = max(count, capacity * 2)
            guard count <= limit else { throw AccountLookupFailure(reason: "more than \(limit) groups") }
        }
    }

    /// The names in the local files.
    ///
    /// Other databases, of which some have a whole company, are not gone through for a suggestion.
    static func names(_ kind: AccountKind) -> [String] {
        let path = kind == .user ? "/etc/passwd" : "/etc/group"
        guard case .present(let file) = ConfigurationFile.read(path), let bytes = try? file.contents.get() else {
            return []
        }
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            // Lines of NIS begin with + or -.
            guard let first = name.first, !"+-#".utf8.contains(first) else { return nil }
            return String(decoding: name, as: UTF8.self)
        }
    }

    /// Asks with a buffer that grows until the entry fits.
    private static func entry<Entry>(
        _ ask: ((start: UnsafeMutablePointer<CChar>, count: Int)) -> (result: CInt, entry: Entry?)
    ) throws(AccountLookupFailure) -> Entry? {
        var size = 4096
        while true {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            let (result, entry) = ask((buffer, size))
            switch result {
            case 0: return entry
            // getpwnam_r(3): all of these are answered for "there is none" by one database or another.
            case ENOENT, ESRCH, EBADF, EPERM: return nil
            case EINTR: continue
            case ERANGE where size < maximumBuffer: size *= 4
            default: throw AccountLookupFailure(reason: Errno(rawValue: result).textWithName)
            }
        }
    }
}

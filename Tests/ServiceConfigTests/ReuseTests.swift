// SPDX-License-Identifier: Apache-2.0
// What is read again when a configuration is read after another one, and what is taken from that.

import Synchronization
import Testing

@testable import ServiceConfig

@Suite("a configuration read after another one")
struct ReuseTests {
    private static func file(_ number: Int, port: Int, at folder: String = "services.d", rest: String = "")
        -> SourceFile
    {
        SourceFile(
            path: "\(folder)/s\(number).toml",
            text: "\n\nlisten = \(port)\nexec = [\"/bin/cat\"]\nuser = \"git\"\nmax_connections = 3\n\(rest)")
    }

    private func read(
        _ files: [SourceFile], after previous: Configuration?, as context: ConfigurationContext = asRoot
    ) throws(ConfigErrors) -> Configuration {
        try Configuration(main: nil, services: files, context: context, previous: previous)
    }

    /// Whether reading `files` after others gives what reading them alone gives.
    private func isAsAlone(
        _ files: [SourceFile], after others: [SourceFile], as context: ConfigurationContext = asRoot
    ) throws -> Bool {
        let first = try read(others, after: nil)
        let alone = Result { try read(files, after: nil, as: context) }
        let after = Result { try read(files, after: first, as: context) }
        switch (alone, after) {
        case (.failure(let a), .failure(let b)): return "\(a)" == "\(b)"
        case (.success(let a), .success(let b)):
            return a == b && a.services.allSatisfy { a.settings(of: $0.name) == b.settings(of: $0.name) }
        default: return false
        }
    }

    @Test(
        "is what the files say: changed, added, removed, moved to another folder, or in conflict with one that stayed")
    func asAlone() throws {
        let files = (1...4).map { Self.file($0, port: 1000 + $0) }
        #expect(try isAsAlone(files, after: files))
        #expect(try isAsAlone(Array(files.dropFirst()), after: files))
        #expect(try isAsAlone(files + [Self.file(5, port: 1005)], after: files))
        #expect(try isAsAlone([Self.file(1, port: 2000)] + files.dropFirst(), after: files))
        // A key stands elsewhere, and says the same.
        #expect(
            try isAsAlone([Self.file(1, port: 1001, rest: "# longer\nbacklog = 7\n")] + files.dropFirst(), after: files)
        )
        #expect(try isAsAlone([Self.file(1, port: 1001, at: "other.d")] + files.dropFirst(), after: files))
        #expect(try isAsAlone([Self.file(1, port: 1002)] + files.dropFirst(), after: files))
        #expect(try isAsAlone([SourceFile(path: files[0].path, text: "listen = ")] + files.dropFirst(), after: files))
        let unreadable = SourceFile(path: files[0].path, contents: .failure(.tooLarge))
        #expect(try isAsAlone([unreadable] + files.dropFirst(), after: files))
    }

    @Test("knows the user database as it is now: a user with another number, other groups, or gone")
    func accountsChange() throws {
        let files = [Self.file(1, port: 1001)]
        let before = try read(files, after: nil)
        for (users, groups) in [([1: "git"], [UInt32(1000)]), ([1000: "git"], [1000, 70]), ([:], [])] {
            let changed = AccountDirectory(
                user: { key throws(AccountLookupFailure) in
                    users.first { key == .name($0.value) }.map {
                        AccountDirectory.User(
                            name: $0.value, uid: UInt32($0.key), gid: 1000, home: "/srv/git", shell: "/bin/sh")
                    }
                },
                group: testAccounts.group, groups: { _, _ in groups })
            let context = ConfigurationContext(uid: 0, gid: 0, accounts: changed)
            let after = Result { try read(files, after: before, as: context) }
            let alone = Result { try read(files, after: nil, as: context) }
            #expect((try? after.get()) == (try? alone.get()))
            #expect((try? after.get()) != before)
        }
    }

    @Test("is another one's when the daemon is another user: its programs may run as nobody else")
    func userChanges() throws {
        let files = [Self.file(1, port: 1001)]
        #expect(try isAsAlone(files, after: files, as: asGit))
        let stranger = ConfigurationContext(uid: 65534, gid: 65534, accounts: testAccounts)
        let before = try read(files, after: nil)
        #expect(throws: ConfigErrors.self) { try read(files, after: before, as: stranger) }
    }

    @Test("reads an address of one interface anew, for its name may be another one's by now")
    func interfaceNames() throws {
        let zones = [
            "\"[fe80::1%lo]:79\"": false, "[\"127.0.0.1:79\", \"[fe80::1%lo]:79\"]": false,
            "[\"[fe80::1]:79\", \"127.0.0.1:79\", 80, \"/run/test.sock\"]": true,
        ]
        for (listen, isKept) in zones {
            let file = SourceFile(path: "services.d/a.toml", text: "listen = \(listen)\nbuiltin = \"echo\"\n")
            var errors: [ConfigError] = []
            let parsed = ParsedService.parse(file, context: asRoot, errors: &errors)
            #expect(parsed?.isMade(of: file) == isKept && errors.isEmpty, "\(listen) \(errors)")
        }
    }

    @Test("asks the user database each question once")
    func questions() throws {
        let asked = Mutex(0)
        let counting = AccountDirectory(
            user: { key throws(AccountLookupFailure) in
                asked.withLock { $0 += 1 }
                return try testAccounts.user(key)
            },
            group: testAccounts.group, groups: testAccounts.groups)
        let context = ConfigurationContext(uid: 0, gid: 0, accounts: counting)
        let files = (1...20).map { Self.file($0, port: 1000 + $0) }
        let first = try read(files, after: nil, as: context)
        #expect(asked.withLock { $0 } == 1)
        _ = try read(files, after: first, as: context)
        #expect(asked.withLock { $0 } == 2)
    }

    @Test("does not parse again what has not changed")
    func notParsed() throws {
        let comments = String(
            repeating: "# What a parser has to go through, one character after the other.\n", count: 8000)
        let files = [Self.file(1, port: 1001, rest: comments)]
        let clock = ContinuousClock()
        var configuration = Configuration()
        let parsing = try clock.measure { configuration = try read(files, after: nil) }
        let again = try (1...3).map { _ in try clock.measure { _ = try read(files, after: configuration) } }
        #expect(try #require(again.min()) * 4 < parsing)
    }
}

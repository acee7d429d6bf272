// SPDX-License-Identifier: Apache-2.0
// What a user database answered while a configuration was read, so that it is asked each question once, and later again.

internal import Synchronization

/// A user database with a memory: what it answered stays true as long as the memory lives.
///
/// A thousand services name a handful of users, and whether they are still who they were is asked before what was read of
/// them is used again. A failure is not remembered.
final class AccountMemory: Sendable {
    private struct Membership: Hashable {
        let user: String
        let gid: UInt32
    }

    private let users = Remembered<AccountKey, AccountDirectory.User?>()
    private let groups = Remembered<AccountKey, UInt32?>()
    private let memberships = Remembered<Membership, [UInt32]>()
    private let names = Remembered<AccountKind, [String]>()
    private let groupNames = Remembered<UInt32, String?>()
    private let source: AccountDirectory

    /// A memory of `source`, empty at first.
    init(of source: AccountDirectory) { self.source = source }

    /// The user database, asked through the memory.
    var directory: AccountDirectory {
        AccountDirectory(
            user: { [self] key throws(AccountLookupFailure) in try users.answer(key, source.user) },
            group: { [self] key throws(AccountLookupFailure) in try groups.answer(key, source.group) },
            groups: { [self] user, gid throws(AccountLookupFailure) in
                try memberships.answer(Membership(user: user, gid: gid)) { key throws(AccountLookupFailure) in
                    try source.groups(key.user, key.gid)
                }
            },
            names: { [self] kind in (try? names.answer(kind) { source.names($0) }) ?? [] },
            groupName: { [self] gid in (try? groupNames.answer(gid) { source.groupName($0) }) ?? nil })
    }

    /// Whether `other` gives the remembered answers about users and groups; it is asked, and remembers too.
    func agrees(with other: AccountMemory) -> Bool {
        let other = other.directory
        do throws(AccountLookupFailure) {
            guard try users.agree(other.user), try groups.agree(other.group) else { return false }
            return try memberships.agree { key throws(AccountLookupFailure) in try other.groups(key.user, key.gid) }
        } catch {
            return false
        }
    }
}

/// Answers by question.
private final class Remembered<Question: Hashable & Sendable, Answer: Equatable & Sendable>: Sendable {
    private let answers = Mutex<[Question: Answer]>([:])

    func answer(
        _ question: Question, _ ask: (Question) throws(AccountLookupFailure) -> Answer
    ) throws(AccountLookupFailure) -> Answer {
        if let known = answers.withLock({ $0[question] }) { return known }
        let answer = try ask(question)
        answers.withLock { $0[question] = answer }
        return answer
    }

    func agree(_ ask: (Question) throws(AccountLookupFailure) -> Answer) throws(AccountLookupFailure) -> Bool {
        for (question, answer) in answers.withLock({ $0 }) where try ask(question) != answer { return false }
        return true
    }
}

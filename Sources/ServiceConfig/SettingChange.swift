// SPDX-License-Identifier: Apache-2.0
// Which settings change from one definition to another, as text, and when each change is felt.

internal import Policy

/// One setting that changes.
package struct SettingChange: Equatable, Sendable {
    /// When a change is felt.
    package enum Effect: Equatable, Sendable {
        /// At once: nothing is closed, and the listeners stay as they are.
        case atOnce
        /// By connections that are accepted from now on; those that are there go on as they began.
        case newConnections
        /// By listeners that open or close: ``ServiceDiff/listeners`` says which.
        case listeners
    }

    /// The key, as files write it.
    package let key: String
    /// The value so far as TOML, on one line; nil when there was none.
    ///
    /// When it is the meaning alone that changes, such as a user's groups, that is told behind the value.
    package let old: String?
    /// The value from now on, in the same form; nil when there is none.
    package let new: String?
    /// When the change is felt.
    package let effect: Effect

    /// The change of `key`, whose value may have a `meaning` that the file does not tell; nil when neither changes.
    private init?(
        key: String, from old: String?, to new: String?, meaning: (old: String, new: String)? = nil, effect: Effect
    ) {
        if old != new {
            (self.old, self.new) = (old, new)
        } else if let old, let new, let meaning, meaning.old != meaning.new {
            (self.old, self.new) = ("\(old) (\(meaning.old))", "\(new) (\(meaning.new))")
        } else {
            return nil
        }
        self.key = key
        self.effect = effect
    }

    /// The changes of the daemon's own settings: all are felt at once.
    static func all(from old: DaemonSettings, to new: DaemonSettings) -> [SettingChange] {
        guard old != new else { return [] }
        return zip(old.values, new.values).compactMap { old, new in
            SettingChange(
                key: new.key.rawValue, from: old.value, to: new.value, meaning: (old.meaning, new.meaning),
                effect: .atOnce)
        }
    }

    /// The changes of a service's settings.
    static func all(from old: ServiceDefinition, to new: ServiceDefinition) -> [SettingChange] {
        let before = Dictionary(uniqueKeysWithValues: old.values.map { ($0.key, $0.value) })
        let after = Dictionary(uniqueKeysWithValues: new.values.map { ($0.key, $0.value) })
        // What comes or goes as a whole is told by one key: `exec` or `builtin`, and `listen`.
        var told: [ServiceKey] = []
        if (before[.exec] == nil) != (after[.exec] == nil) { told += ServiceKey.ofPrograms }
        if (before[.socketMode] == nil) != (after[.socketMode] == nil) { told += ServiceKey.ofSocketFiles }
        return ServiceKey.allCases.filter { !told.contains($0) }.compactMap { key in
            SettingChange(
                key: key.rawValue, from: before[key] ?? nil, to: after[key] ?? nil,
                meaning: (old.meaning(of: key), new.meaning(of: key)), effect: key.effect)
        }
    }
}

extension ServiceKey {
    /// When a change of the key is felt.
    fileprivate var effect: SettingChange.Effect {
        switch self {
        // listen(2) sets the backlog of a listener that is open already.
        case .description, .maxConnections, .backlog, .onHandlerError, .connect, .allowShutdown: .atOnce
        case .exec, .builtin, .user, .group, .environment, .passEnvironment, .workingDirectory, .umask,
            .successExitStatus, .resources:
            .newConnections
        case .enabled, .listen, .socketMode, .socketUser, .socketGroup: .listeners
        }
    }
}

extension ServiceDefinition {
    /// What a value means that may change while its text stays: the numbers of names, and what belongs to a user.
    fileprivate func meaning(of key: ServiceKey) -> String {
        switch key {
        case .user: account?.meaning ?? ""
        case .group: account.map { "gid \($0.gid)" } ?? ""
        case .socketUser: socketFile.user.map { "uid \($0)" } ?? ""
        case .socketGroup: socketFile.group.map { "gid \($0)" } ?? ""
        default: ""
        }
    }

    /// The account of its program.
    private var account: Account? {
        if case .program(let program) = handler { program.account } else { nil }
    }
}

extension Account {
    /// What the user database says of the user besides its name and its group, in which it may change while the file
    /// stays as it is.
    fileprivate var meaning: String {
        let groups = supplementaryGroups.map { "\($0)" }.joined(separator: " ")
        return "uid \(uid), groups \(groups), home \(TOMLText.string(home)), shell \(TOMLText.string(shell))"
    }
}

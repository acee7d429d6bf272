// SPDX-License-Identifier: Apache-2.0
// Changes and mistakes of the configuration in the words of the manager interface: pure.

internal import ManagerInterface
internal import Policy
internal import ServiceConfig

extension ConfigurationChanges {
    /// A difference; `connections` tells which connections a service has.
    init(_ diff: ConfigDiff, connections: (ServiceName) -> [UInt64]) {
        let changed = diff.services.compactMap { ServiceChange($0, connections: connections) }
        self.init(
            services: changed, unchanged: diff.services.count - changed.count,
            settings: diff.settings.map { ManagerInterface.SettingChange($0) })
    }
}

extension ServiceChange {
    fileprivate init?(_ diff: ServiceDiff, connections: (ServiceName) -> [UInt64]) {
        let kind: ChangeKind
        switch diff.kind {
        case .unchanged: return nil
        case .added: kind = .added
        case .removed: kind = .removed
        case .changed: kind = .changed
        }
        var (opened, closed): ([String], [String]) = ([], [])
        for listener in diff.listeners {
            let address = listener.address.description
            switch listener.action {
            case .keep: break
            case .open: opened.append(address)
            case .close: closed.append(address)
            case .replace:
                opened.append(address)
                closed.append(address)
            }
        }
        self.init(
            service: diff.name.description, kind: kind,
            settings: diff.settings.map { ManagerInterface.SettingChange($0) }, opened: opened, closed: closed,
            dropped: diff.isDrained ? connections(diff.name) : [])
    }
}

extension ManagerInterface.SettingChange {
    fileprivate init(_ change: ServiceConfig.SettingChange) {
        self.init(key: change.key, before: change.old, after: change.new)
    }
}

extension Manager.ConfigurationInvalid {
    /// How much of the files' text goes into a reply, which must not become too long: a line may have a megabyte.
    private static let textLimit = 128 << 10

    /// The mistakes; of the lines that they stand on as many as there is room for.
    init(_ errors: ConfigErrors) {
        var room = Self.textLimit
        self.init(
            errors: errors.errors.map { error in
                var shown = ConfigurationError(
                    file: error.file, line: error.line, column: error.column, message: error.message,
                    expected: error.expected, hint: error.suggestion)
                if let text = error.place?.sourceLine, text.utf8.count <= room {
                    room -= text.utf8.count
                    shown.text = text
                }
                return shown
            })
    }
}

// SPDX-License-Identifier: Apache-2.0
// Changes, mistakes and doubts of the configuration in the words of the manager interface: pure.

internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer

extension ConfigurationChanges {
    /// A difference; `running` tells what a service has, or nil when none of that name is running.
    init(_ diff: ConfigDiff, running: (ServiceName) -> RunningService?) {
        let changed = diff.services.compactMap { ServiceChange($0, running: running($0.name)) }
        self.init(
            services: changed, unchanged: diff.services.count - changed.count,
            settings: diff.settings.map { ManagerInterface.SettingChange($0) })
    }
}

extension ServiceChange {
    fileprivate init?(_ diff: ServiceDiff, running: RunningService?) {
        let kind: ChangeKind
        switch diff.kind {
        case .unchanged: return nil
        case .added: kind = .added
        case .removed: kind = .removed
        case .changed: kind = .changed
        }
        let (opened, closed) = Self.addresses(diff, isClosed: running?.isOpen == false)
        self.init(
            service: diff.name.description, kind: kind,
            settings: diff.settings.map { ManagerInterface.SettingChange($0) }, opened: opened, closed: closed,
            dropped: diff.isDrained ? running?.connections ?? [] : [])
        guard let running, let next = diff.kind.next else { return }
        reopened = !running.isOpen
        let limit = next.maxConnections ?? ServerOptions.defaultMaxConnections
        if let operatorLimit = running.operatorLimit, operatorLimit != limit {
            (limitBefore, limitAfter) = (operatorLimit, limit)
        }
    }

    /// The addresses that a service begins to listen on, and those that it stops listening on; one that is closed listens
    /// nowhere.
    private static func addresses(_ diff: ServiceDiff, isClosed: Bool) -> (opened: [String], closed: [String]) {
        var (opened, closed): ([String], [String]) = ([], [])
        for listener in diff.listeners {
            let address = listener.address.description
            let isOpened: Bool
            switch listener.action {
            case .keep: isOpened = isClosed
            case .open, .replace: isOpened = true
            case .close: isOpened = false
            }
            if isOpened { opened.append(address) }
            let isGivenUp = listener.action == .close || listener.action == .replace
            if isGivenUp, !isClosed { closed.append(address) }
        }
        return (opened, closed)
    }
}

extension ManagerInterface.SettingChange {
    fileprivate init(_ change: ServiceConfig.SettingChange) {
        self.init(key: change.key, before: change.old, after: change.new)
    }
}

extension ConfigurationWarning {
    /// The same for a reply.
    init(_ warning: PlacedWarning) {
        self.init(file: warning.file, line: warning.line, message: warning.message)
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

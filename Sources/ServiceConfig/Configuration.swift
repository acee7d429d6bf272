// SPDX-License-Identifier: Apache-2.0
// The whole configuration as values, and the one function that makes it of the texts of its files.

/// Everything the daemon is told: its own settings and its services.
package struct Configuration: Sendable {
    /// The daemon's own settings, from `serverd.toml`.
    package let settings: DaemonSettings
    /// The services, by name, no two with the same; those that are not enabled too.
    package let services: [ServiceDefinition]
    /// `serverd.toml` as it was read; nil when there was none.
    package let main: SourceFile?
    /// Where the daemon's settings were written; nil when there is no `serverd.toml`.
    let daemonKeyLines: KeyLines<DaemonKey>?
    /// What was read of each file of a service, by its path.
    private let parsed: [String: ParsedService]
    /// What it was read for, and the answers of the user database that it rests on; nil when nothing was read.
    private let context: (uid: UInt32, gid: UInt32, accounts: AccountMemory)?

    /// A configuration in which nothing is written.
    package init() {
        settings = DaemonSettings()
        services = []
        main = nil
        daemonKeyLines = nil
        parsed = [:]
        context = nil
    }

    /// Reads a configuration from the texts of its files: `main` is `serverd.toml`, nil if there is none, and each of
    /// `services` defines the service that its file is named after.
    ///
    /// A file that says what it said in `previous` is not parsed again, unless the user database has changed in what
    /// `previous` asked it.
    ///
    /// Throws all errors at once, of files that could not be read too, except that of a file that is not TOML only the
    /// first is known.
    package init(
        main: SourceFile?, services: [SourceFile], context: ConfigurationContext, previous: Configuration? = nil
    ) throws(ConfigErrors) {
        let accounts = AccountMemory(of: context.accounts)
        let known = previous?.parsed(for: context, accounts) ?? [:]
        let context = ConfigurationContext(uid: context.uid, gid: context.gid, accounts: accounts.directory)
        var errors: [ConfigError] = []
        let daemon = DaemonSettings.parse(main, context: context, errors: &errors)
        var parsed: [ParsedService] = []
        for file in services {
            if let service = known[file.path], service.isMade(of: file) {
                parsed.append(service)
            } else if let service = ParsedService.parse(file, context: context, errors: &errors) {
                parsed.append(service)
            }
        }
        errors += ServiceConflicts.find(among: parsed)
        // A conflict belongs beside the other errors of its file. Sorting by file, then place keeps the files' order.
        let order = Dictionary(([main].compactMap { $0 } + services).enumerated().map { ($1.path, $0) }) { first, _ in
            first
        }
        let key = { (error: ConfigError) in (order[error.file] ?? .max, error.line ?? 0, error.column ?? 0) }
        if let failure = ConfigErrors(errors.sorted { key($0) < key($1) }) { throw failure }
        self.main = main
        settings = daemon?.settings ?? DaemonSettings()
        daemonKeyLines = daemon?.keyLines
        self.services = parsed.compactMap(\.definition).sorted { $0.name < $1.name }
        self.parsed = Dictionary(parsed.map { ($0.source.path, $0) }) { first, _ in first }
        self.context = (context.uid, context.gid, accounts)
    }

    /// What can be used again by who is `context` and asks `accounts`.
    private func parsed(for next: ConfigurationContext, _ accounts: AccountMemory) -> [String: ParsedService] {
        guard let context, (context.uid, context.gid) == (next.uid, next.gid), context.accounts.agrees(with: accounts)
        else { return [:] }
        return parsed
    }

    /// The services' files as they were read, by path.
    package var serviceFiles: [SourceFile] { parsed.values.map(\.source.file).sorted { $0.path < $1.path } }

    /// Where the settings of the service with this name were written.
    func keyLines(of service: ServiceDefinition) -> KeyLines<ServiceKey>? { parsed[service.origin.file]?.keyLines }

    /// The service with this name.
    package subscript(name: ServiceName) -> ServiceDefinition? {
        var low = 0
        var high = services.count
        while low < high {
            let middle = (low + high) / 2
            if services[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low < services.count && services[low].name == name ? services[low] : nil
    }
}

extension Configuration: Equatable {
    /// Whether both say the same, wherever it is written.
    package static func == (a: Configuration, b: Configuration) -> Bool {
        a.settings == b.settings && a.services == b.services
    }
}

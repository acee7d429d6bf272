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
    /// The services' files as they were read.
    package let serviceFiles: [SourceFile]
    /// Where the daemon's settings were written; nil when there is no `serverd.toml`.
    let daemonKeyLines: KeyLines<DaemonKey>?
    /// Where each service's settings were written.
    let serviceKeyLines: [ServiceName: KeyLines<ServiceKey>]

    /// A configuration in which nothing is written.
    package init() {
        settings = DaemonSettings()
        services = []
        main = nil
        serviceFiles = []
        daemonKeyLines = nil
        serviceKeyLines = [:]
    }

    /// Reads a configuration from the texts of its files: `main` is `serverd.toml`, nil if there is none, and each of
    /// `services` defines the service that its file is named after.
    ///
    /// Throws all errors at once, of files that could not be read too, except that of a file that is not TOML only the
    /// first is known.
    package init(
        main: SourceFile?, services: [SourceFile], context: ConfigurationContext
    ) throws(ConfigErrors) {
        var errors: [ConfigError] = []
        let daemon = DaemonSettings.parse(main, context: context, errors: &errors)
        var parsed: [ParsedService] = []
        for file in services {
            if let service = ParsedService.parse(file, context: context, errors: &errors) { parsed.append(service) }
        }
        errors += ServiceConflicts.find(among: parsed)
        // A conflict belongs beside the other errors of its file. Sorting by file, then place keeps the files' order.
        let order = Dictionary(([main].compactMap { $0 } + services).enumerated().map { ($1.path, $0) }) { first, _ in
            first
        }
        let key = { (error: ConfigError) in (order[error.file] ?? .max, error.line ?? 0, error.column ?? 0) }
        if let failure = ConfigErrors(errors.sorted { key($0) < key($1) }) { throw failure }
        self.main = main
        serviceFiles = services
        settings = daemon?.settings ?? DaemonSettings()
        daemonKeyLines = daemon?.keyLines
        self.services = parsed.compactMap(\.definition).sorted { $0.name < $1.name }
        serviceKeyLines = Dictionary(parsed.map { ($0.name, $0.keyLines) }) { first, _ in first }
    }

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

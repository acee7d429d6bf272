// SPDX-License-Identifier: Apache-2.0
// The configuration in effect as texts, by which an image that is gone back to serves as before.

internal import ServiceConfig

/// The texts of the configuration that an image serves by, as part of its ``SuccessionState``.
struct KeptConfiguration: Codable, Equatable, Sendable {
    private struct File: Codable, Equatable {
        let path: String
        let text: String

        /// The file, if it could be read; one that is in effect could.
        init?(_ file: SourceFile) {
            guard case .success(let bytes) = file.contents else { return nil }
            path = file.path
            text = String(decoding: bytes, as: UTF8.self)
        }

        var source: SourceFile { SourceFile(path: path, text: text) }
    }

    private let main: File?
    private let services: [File]

    /// The texts of a configuration.
    init(_ configuration: Configuration) {
        main = configuration.main.flatMap { File($0) }
        services = configuration.serviceFiles.compactMap { File($0) }
    }

    /// What they say.
    func configuration(_ context: ConfigurationContext) throws(ConfigErrors) -> Configuration {
        try Configuration(main: main?.source, services: services.map(\.source), context: context)
    }
}

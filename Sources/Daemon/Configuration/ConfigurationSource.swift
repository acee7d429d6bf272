// SPDX-License-Identifier: Apache-2.0
// Where a reload gets the configuration from: read on a thread of its own, since files and the user database may block.

internal import Descriptors
internal import EventLoops
internal import ServiceConfig
internal import SystemPackage

/// Where a reload gets the configuration from.
package struct ConfigurationSource: Sendable {
    private let name: String
    private let read: @Sendable () -> Result<Configuration, ConfigErrors>

    /// The files at `location`.
    package init(_ location: ConfigurationLocation) {
        let name =
            switch location {
            case .file(let path): path
            case .trees: ConfigurationLocation.defaultPath
            }
        self.init(name: name) { () throws(ConfigErrors) in
            try loadConfiguration(from: location, context: .current())
        }
    }

    /// What `load` returns; `name` is the file that is named when it cannot even begin.
    init(name: String, _ load: @escaping @Sendable () throws(ConfigErrors) -> Configuration) {
        self.name = name
        read = {
            do throws(ConfigErrors) { return .success(try load()) } catch { return .failure(error) }
        }
    }

    /// Reads it, while the loop goes on.
    func load(on loop: EventLoop) async throws(ConfigErrors) -> Configuration {
        let result = await withUnsafeContinuation { continuation in
            do throws(Errno) {
                try PlainThread.start(name: "config-reader") {
                    let result = read()
                    loop.execute { continuation.resume(returning: result) }
                }
            } catch {
                let message = "cannot be read: there is no thread for it: \(error.textWithRemedy)"
                continuation.resume(
                    returning: .failure(ConfigErrors(ConfigError(file: name, place: nil, message: message))))
            }
        }
        return try result.get()
    }
}

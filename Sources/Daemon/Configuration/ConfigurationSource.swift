// SPDX-License-Identifier: Apache-2.0
// Where a reload gets the configuration from: read on a thread of its own, since files and the user database may block.

internal import Descriptors
internal import EventLoops
internal import Policy
internal import ServiceConfig
internal import SystemPackage

/// A configuration as it was read, and what is doubtful in it.
struct ReadConfiguration: Sendable {
    let configuration: Configuration
    let doubts: [ConfigurationDoubt]

    /// What is said of it to whoever asked for it: the doubts, and what the programs' files look like, as far as their
    /// file systems answer.
    func warnings(on loop: EventLoop, by look: PatientLook) async -> [PlacedWarning] {
        if let found = await look(on: loop, { configuration.warnings(doubts) }) { return found }
        let late = "whether the programs can be executed was not seen within \(PatientLook.patience)"
        return doubts.prefix(Configuration.warningLimit).map { PlacedWarning($0.text) } + [PlacedWarning(late)]
    }
}

/// Where a reload gets the configuration from.
package struct ConfigurationSource: Sendable {
    private let name: String
    private let read: @Sendable (_ previous: Configuration?) -> Result<ReadConfiguration, ConfigErrors>

    /// The files at `location`.
    package init(_ location: ConfigurationLocation) {
        let name =
            switch location {
            case .file(let path): path
            case .trees: ConfigurationLocation.defaultPath
            }
        self.init(name: name) { previous throws(ConfigErrors) in
            let configuration = try loadConfiguration(from: location, context: .current(), previous: previous)
            return ReadConfiguration(configuration: configuration, doubts: configuration.doubts(at: location))
        }
    }

    /// What `load` returns; `name` is the file that is named when it cannot even begin.
    init(
        name: String, _ load: @escaping @Sendable (_ previous: Configuration?) throws(ConfigErrors) -> ReadConfiguration
    ) {
        self.name = name
        read = { previous in
            do throws(ConfigErrors) { return .success(try load(previous)) } catch { return .failure(error) }
        }
    }

    /// Reads it, while the loop goes on; what `previous` has of it is not parsed again.
    func load(on loop: EventLoop, previous: Configuration? = nil) async throws(ConfigErrors) -> ReadConfiguration {
        let result: Result<ReadConfiguration, ConfigErrors>
        do throws(Errno) {
            result = try await PlainThread.run(name: "config-reader", on: loop) { read(previous) }
        } catch {
            let message = "cannot be read: there is no thread for it: \(error.textWithRemedy)"
            throw ConfigErrors(ConfigError(file: name, place: nil, message: message))
        }
        return try result.get()
    }
}

// SPDX-License-Identifier: Apache-2.0
// Configuration files that a test writes, without a file system.

import Synchronization

@testable import Daemon
@testable import ServiceConfig

/// The files that a reload reads.
final class ScriptedFiles: Sendable {
    private struct State {
        var main = ""
        var services: [String: String]
        var reads = 0
        var pause: (@Sendable () -> Void)?
    }
    private let state: Mutex<State>

    /// A file for each service, by name.
    init(_ services: [String: String] = [:], main: String = "") {
        state = Mutex(State(main: main, services: services))
    }

    /// The text of a service's file; nil removes it.
    subscript(name: String) -> String? {
        get { state.withLock { $0.services[name] } }
        set { state.withLock { $0.services[name] = newValue } }
    }

    /// The text of serverd.toml.
    var main: String {
        get { state.withLock { $0.main } }
        set { state.withLock { $0.main = newValue } }
    }

    /// How often they were read by a reload or a plan.
    var reads: Int { state.withLock { $0.reads } }

    /// Is called on the thread that reads, before it does.
    func beforeReading(_ pause: @escaping @Sendable () -> Void) { state.withLock { $0.pause = pause } }

    /// What they say.
    func configuration() throws(ConfigErrors) -> Configuration {
        let (main, services) = state.withLock { ($0.main, $0.services) }
        return try Configuration(
            main: SourceFile(path: "serverd.toml", text: main),
            services: services.sorted { $0.key < $1.key }.map { SourceFile(path: "\($0).toml", text: $1) },
            context: ConfigurationContext(uid: 1000, gid: 1000, accounts: Self.accounts))
    }

    /// The way by which a reload reads them.
    var source: ConfigurationSource {
        ConfigurationSource(name: "serverd.toml") { [self] _ throws(ConfigErrors) in
            let pause = state.withLock { $0.pause }
            pause?()
            state.withLock { $0.reads += 1 }
            let configuration = try configuration()
            let isEmpty = !configuration.services.contains(where: \.isEnabled)
            return ReadConfiguration(
                configuration: configuration, doubts: isEmpty ? [.nothingToServe(searched: ["services.d"])] : [])
        }
    }

    private static let accounts = AccountDirectory(
        user: { _ in nil }, group: { key in if case .number(let number) = key { number } else { nil } },
        groups: { _, gid in [gid] })
}

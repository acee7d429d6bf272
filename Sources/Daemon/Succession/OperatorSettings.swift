// SPDX-License-Identifier: Apache-2.0
// What operators have closed, suspended and limited, kept for a daemon that comes after a crash or a restart.

internal import Descriptors
internal import Logging
internal import ManagerInterface
internal import ServiceConfig
internal import SocketServer
internal import SystemPackage
internal import Systemd
internal import Varlink

/// What operators have set that the configuration does not say.
struct OperatorSettings: Codable, Equatable, Sendable {
    /// The version of this form: another one is not understood.
    private static let currentVersion = 1

    private var version = currentVersion
    /// By name; only those of which something was set, and nothing else is told of them.
    let services: [SuccessionState.Service]

    /// What was set of some of these services.
    init(_ services: [SuccessionState.Service] = []) {
        self.services = services.filter { $0.isClosed || $0.isSuspended || $0.limit != nil }.sorted {
            $0.name < $1.name
        }
    }

    /// What the service manager has kept; nothing if it is not understood.
    static func kept(in file: consuming Descriptor?) -> OperatorSettings {
        guard let file, let text = file.use({ SealedText.read($0) }),
            let kept = try? JSONText.decode(Self.self, from: text), kept.version == currentVersion
        else { return Self() }
        return kept
    }

    /// It in memory of its own.
    /// - Throws: the error of what there was not enough of.
    func write() throws(Errno) -> Descriptor { try SealedText.write(self, as: "serverd-operators") }
}

extension Service {
    /// What operators have set of the service.
    fileprivate var setByOperators: SuccessionState.Service {
        var state = SuccessionState.Service(name: name.description)
        if isLimitedByOperator {
            state.limit = limit.maximum
            state.configuredLimit = definition.maxConnections ?? 0
        }
        state.isSuspended = holds.contains(.suspension)
        state.isClosed = phase.isToldToClose
        return state
    }
}

extension ServiceManager {
    /// Has the service manager keep what operators have set, if that has changed.
    ///
    /// Not of a daemon that is told to stop: it closes everything.
    func keepOperatorSettings() {
        guard let store = context.store, store.isThere, daemonState != .stopping else { return }
        let settings = OperatorSettings(services.values.map { $0.assumeIsolated { $0.setByOperators } })
        guard settings != keptSettings else { return }
        do throws(Errno) {
            // First, so that there is always one of them.
            let file = settings.services.isEmpty ? nil : try settings.write()
            store.forget(KeptName.operatorSettings)
            let isKept = if let file { store.keep(file, as: KeptName.operatorSettings) } else { true }
            // What was not taken is tried again with the next change.
            keptSettings = isKept ? settings : nil
        } catch {
            context.logger.warning(
                "cannot write down what operators have set; if serverd crashes or is restarted, it is forgotten",
                metadata: ["error": .string(error.textWithRemedy)])
        }
    }

    /// Tells what is not as the configuration says from the start.
    func tell(_ settings: OperatorSettings) {
        let names = settings.services.map(\.name).filter { ServiceName($0).flatMap { services[$0] } != nil }
        guard !names.isEmpty else { return }
        context.logger.notice(
            "what operators had closed, suspended or limited is so again",
            metadata: ["services": .string(names.joined(separator: " "))])
    }
}

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
    /// What operators have set of one service.
    struct OfService: Codable, Equatable, Sendable {
        /// The service's name.
        var name: String
        /// How many connections it may have; nil if nobody has set that.
        var limit: Int?
        /// What the configuration said when that was set, 0 for nothing: it holds only in its place.
        var configuredLimit: Int?
        /// Whether it is suspended.
        var isSuspended = false
        /// Whether it was told to close, by its name.
        var isClosed = false

        /// Whether anything is set.
        var isAnything: Bool { limit != nil || isSuspended || isClosed }
    }

    /// The version of this form: another one is not understood.
    private static let currentVersion = 1

    private var version = currentVersion
    /// By name; only those of which something was set.
    let services: [OfService]

    /// What was set of some of these services.
    init(_ services: [OfService] = []) {
        self.services = services.filter(\.isAnything).sorted { $0.name < $1.name }
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
    var operatorSettings: OperatorSettings.OfService {
        var settings = OperatorSettings.OfService(name: name.description)
        if isLimitedByOperator {
            settings.limit = limit.maximum
            settings.configuredLimit = definition.maxConnections ?? 0
        }
        settings.isSuspended = holds.contains(.suspension)
        settings.isClosed = phase.isToldToClose
        return settings
    }

    /// Sets what operators had set of the service, which does not listen yet.
    func restore(_ settings: OperatorSettings.OfService) {
        if let limit = settings.limit, settings.configuredLimit == definition.maxConnections ?? 0 {
            self.limit.setMaximum(max(1, min(limit, ServerOptions.defaultMaxConnections)))
        }
        if settings.isSuspended { hold(for: .suspension) }
        if settings.isClosed { phase.remainClosed() }
    }
}

extension ServiceManager {
    /// Has the service manager keep what operators have set, if that has changed.
    ///
    /// Not of a daemon that is told to stop: it closes everything.
    func keepOperatorSettings() {
        guard let store = context.store, store.isThere, daemonState != .stopping else { return }
        let settings = OperatorSettings(services.values.map { $0.assumeIsolated { $0.operatorSettings } })
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
        let names = settings.services.filter { service(of: $0) != nil }.map(\.name)
        guard !names.isEmpty else { return }
        context.logger.notice(
            "what operators had closed, suspended or limited is so again",
            metadata: ["services": .string(names.joined(separator: " "))])
    }
}

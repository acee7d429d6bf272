// SPDX-License-Identifier: Apache-2.0
// The difference that a reload makes: from the configuration that runs to a new one, service by service.

/// What changes from one configuration to another.
///
/// Its model is mark and sweep: every running service is marked, each service of the new configuration takes the mark
/// off the one with its name and is compared with it, and what is still marked at the end goes. It is guaranteed that
/// two configurations that are not equal differ here too, and that the same two always give the same difference in the
/// same order.
package struct ConfigDiff: Equatable, Sendable {
    /// The daemon's own settings that change, in the order of their keys.
    package let settings: [SettingChange]
    /// Every service of either configuration, by name.
    package let services: [ServiceDiff]

    /// Compares the configuration that runs with the one that is to run.
    package init(from old: Configuration, to new: Configuration) {
        settings = SettingChange.all(from: old.settings, to: new.settings)
        var marked = Dictionary(old.services.map { ($0.name, $0) }) { first, _ in first }
        var kinds = new.services.map { service -> ServiceDiff.Kind in
            guard let running = marked.removeValue(forKey: service.name) else { return .added(service) }
            return running == service ? .unchanged(service) : .changed(from: running, to: service)
        }
        kinds += marked.values.map { .removed($0) }
        let closing = ClosingListeners(kinds)
        services = kinds.map { ServiceDiff($0, closing: closing) }.sorted { $0.name < $1.name }
    }

    /// Whether nothing changes.
    package var isEmpty: Bool {
        settings.isEmpty
            && services.allSatisfy { service in
                if case .unchanged = service.kind { true } else { false }
            }
    }

    /// The services that close, whose connections drain.
    ///
    /// Nobody else is dropped: a service that stays keeps its connections, those of an address that it gives up too.
    package var drained: [ServiceName] { services.filter(\.isDrained).map(\.name) }
}

/// What changes of one service.
package struct ServiceDiff: Equatable, Sendable {
    /// What becomes of a service.
    package enum Kind: Equatable, Sendable {
        /// It is new.
        case added(ServiceDefinition)
        /// It is gone.
        case removed(ServiceDefinition)
        /// It is defined otherwise.
        case changed(from: ServiceDefinition, to: ServiceDefinition)
        /// It is defined as before, perhaps in another place.
        case unchanged(ServiceDefinition)
    }

    /// What becomes of it.
    package let kind: Kind
    /// The settings that change, in the order of their keys; none of a service that is added or removed.
    package let settings: [SettingChange]
    /// What becomes of each address: those of the new definition in its order, then those that it gives up in the order
    /// of the old.
    package let listeners: [ListenerChange]

    fileprivate init(_ kind: Kind, closing: ClosingListeners) {
        self.kind = kind
        listeners = ListenerChange.all(from: kind.running, to: kind.next, closing: closing)
        if case .changed(let old, let new) = kind {
            settings = SettingChange.all(from: old, to: new)
        } else {
            settings = []
        }
    }

    /// The name.
    package var name: ServiceName {
        switch kind {
        case .added(let service), .removed(let service), .changed(_, let service), .unchanged(let service):
            service.name
        }
    }

    /// Whether it is served now and will not be: its connections drain.
    package var isDrained: Bool { kind.running != nil && kind.next == nil }
}

extension ServiceDiff.Kind {
    /// The definition that is served now, if any is.
    package var running: ServiceDefinition? {
        switch self {
        case .added: nil
        case .removed(let service), .changed(let service, _), .unchanged(let service):
            service.isEnabled ? service : nil
        }
    }

    /// The definition that will be served, if any will.
    package var next: ServiceDefinition? {
        switch self {
        case .removed: nil
        case .added(let service), .changed(_, let service), .unchanged(let service):
            service.isEnabled ? service : nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The difference that a reload makes: from the configuration that runs to a new one, service by service.

/// What changes from one configuration to another.
///
/// Both have their services in the order of their names: they are gone through side by side, and those of one name are
/// compared. It is guaranteed that two configurations that are not equal differ here too, and that the same two always
/// give the same difference in the same order.
package struct ConfigDiff: Equatable, Sendable {
    /// The daemon's own settings that change, in the order of their keys.
    package let settings: [SettingChange]
    /// Every service of either configuration, by name.
    package let services: [ServiceDiff]

    /// Compares the configuration that runs with the one that is to run.
    package init(from old: Configuration, to new: Configuration) {
        settings = SettingChange.all(from: old.settings, to: new.settings)
        let kinds = Self.kinds(from: old.services, to: new.services)
        let closing = ClosingListeners(kinds)
        services = kinds.map { ServiceDiff($0, closing: closing) }
    }

    private static func kinds(from old: [ServiceDefinition], to new: [ServiceDefinition]) -> [ServiceDiff.Kind] {
        var kinds: [ServiceDiff.Kind] = []
        kinds.reserveCapacity(max(old.count, new.count))
        var next = 0
        for service in new {
            while next < old.count, old[next].name < service.name {
                kinds.append(.removed(old[next]))
                next += 1
            }
            guard next < old.count, old[next].name == service.name else {
                kinds.append(.added(service))
                continue
            }
            kinds.append(old[next] == service ? .unchanged(service) : .changed(from: old[next], to: service))
            next += 1
        }
        return kinds + old[next...].map { .removed($0) }
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

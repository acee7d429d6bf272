// SPDX-License-Identifier: Apache-2.0
// What a reload does to the listeners of a service: which keep their descriptor, open, or close.

/// What becomes of one address of one service.
///
/// Listeners are matched by service and address: an address that goes from one service to another is closed by the one
/// and opened by the other, since its queue and its limit belong to the service.
package struct ListenerChange: Equatable, Sendable {
    /// What becomes of an address.
    package enum Action: Equatable, Sendable {
        /// Its listener keeps its descriptor.
        case keep
        /// It is listened on anew; first the listeners that are in the way must be closed.
        case open(after: [ListenerReference])
        /// Its socket file must be made anew, with another mode or owner: the old listener closes, then a new one opens.
        case replace
        /// Its listener closes.
        case close
    }

    /// The address.
    package let address: ListenAddress
    /// What becomes of it.
    package let action: Action

    /// The changes of a service from its definition that is served to the one that will be; nil means that none is.
    static func all(
        from old: ServiceDefinition?, to new: ServiceDefinition?, closing: ClosingListeners
    ) -> [ListenerChange] {
        // Most services of a reload do not change.
        if let old, let new, old.listen == new.listen, old.socketFile == new.socketFile {
            return new.listen.map { ListenerChange(address: $0, action: .keep) }
        }
        let now = Set(old?.listen ?? [])
        let then = Set(new?.listen ?? [])
        let isRemade = old?.socketFile != new?.socketFile
        let wanted = (new?.listen ?? []).map { address in
            guard now.contains(address) else {
                return ListenerChange(address: address, action: .open(after: closing.inTheWay(of: address)))
            }
            return ListenerChange(address: address, action: isRemade && address.isSocketFile ? .replace : .keep)
        }
        let unwanted = (old?.listen ?? []).filter { !then.contains($0) }
        return wanted + unwanted.map { ListenerChange(address: $0, action: .close) }
    }
}

/// A listener of a service.
package struct ListenerReference: Hashable, Sendable {
    /// The service.
    package let service: ServiceName
    /// Its address.
    package let address: ListenAddress

    /// The listener of `service` on `address`.
    package init(service: ServiceName, address: ListenAddress) {
        self.service = service
        self.address = address
    }
}

/// The listeners that a reload closes, found by what they are in the way of.
struct ClosingListeners {
    private var byKey: [ServiceConflicts.Key: [ListenerReference]] = [:]

    init(_ kinds: [ServiceDiff.Kind]) {
        for kind in kinds {
            guard let old = kind.running, old.listen != kind.next?.listen else { continue }
            let kept = Set(kind.next?.listen ?? [])
            for address in old.listen where !kept.contains(address) {
                guard let key = ServiceConflicts.key(of: address) else { continue }
                byKey[key, default: []].append(ListenerReference(service: old.name, address: address))
            }
        }
    }

    /// Those that must be gone before `address` can be listened on, by service.
    func inTheWay(of address: ListenAddress) -> [ListenerReference] {
        guard let key = ServiceConflicts.key(of: address) else { return [] }
        return (byKey[key] ?? []).filter { ServiceConflicts.excludes($0.address, address) }
            .sorted { ($0.service, $0.address.description) < ($1.service, $1.address.description) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The sockets that were handed over at start, on their way to the services that claim them by name.

internal import Descriptors
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Supervision
internal import Synchronization
package import Systemd

/// What was claimed by one name: the sockets, and what was wrong with others of that name.
struct ClaimedSockets: Sendable {
    /// Where to listen.
    var places: [WhereToListen<SocketAddress, SocketAddress>] = []
    /// Why not on the others.
    var errors: [String] = []
}

/// The inherited sockets that no service has claimed yet; each is given away once.
package final class InheritedSockets: Sendable {
    private let descriptors: Mutex<InheritedDescriptors>

    /// Takes over what was handed to this process.
    package init(_ descriptors: consuming InheritedDescriptors) {
        self.descriptors = Mutex(descriptors)
    }

    /// All sockets of this name, and what was wrong with others of that name.
    func claim(named name: String) -> ClaimedSockets {
        var claimed = ClaimedSockets()
        while true {
            do {
                guard let place = try take(name) else { return claimed }
                claimed.places.append(place)
            } catch {
                claimed.errors.append("\(error)")
            }
        }
    }

    /// The listener that a daemon before us has bound to an address that a service is configured with; nil when there
    /// is none.
    func claim(on address: ListenAddress, of service: ServiceName) -> WhereToListen<SocketAddress, SocketAddress>? {
        descriptors.withLock { descriptors in
            var place: WhereToListen<SocketAddress, SocketAddress>?
            for name in descriptors.names {
                guard KeptName.isListener(name, on: address, of: service) else { continue }
                guard let descriptor = descriptors.takeAnything(named: name) else { continue }
                guard place == nil else { continue }
                place = .succeeded(descriptor, file: KeptName.file(ofListener: name))
                // A service may have several where the system chooses the port. Elsewhere there is one an address: of
                // two of them the newest, which comes first, has not been replaced.
                if address.hasChosenPort { break }
            }
            return place
        }
    }

    /// The ends of a service's standard error that a daemon before us has made.
    func claimStandardError(of service: ServiceName) -> StandardErrorEnds? {
        descriptors.withLock { descriptors in
            let names = KeptName.standardError(of: service)
            guard let reading = descriptors.takeAnything(named: names.reading),
                let writing = descriptors.takeAnything(named: names.writing)
            else { return nil }
            return StandardErrorEnds(reading: reading, writing: writing)
        }
    }

    /// A descriptor of our own of this name.
    func claimOwn(_ name: String) -> Descriptor? { descriptors.withLock { $0.takeAnything(named: name) } }

    /// The first socket of this name, as a descriptor that the caller owns; nil when there is none.
    /// - Throws: what is wrong with it.
    func claimOne(named name: String) throws(InheritanceError) -> CInt? {
        try descriptors.withLock { descriptors throws(InheritanceError) in
            try descriptors.take(named: name)?.release()
        }
    }

    private func take(_ name: String) throws(InheritanceError) -> WhereToListen<SocketAddress, SocketAddress>? {
        try descriptors.withLock { descriptors throws(InheritanceError) in
            guard let descriptor = try descriptors.take(named: name) else { return nil }
            return .inherited(descriptor)
        }
    }

    /// Closes what nobody claimed, and says what it was.
    func closeUnclaimed() -> [InheritedDescriptors.Unclaimed] {
        descriptors.withLock { $0.closeUnclaimed() }
    }
}

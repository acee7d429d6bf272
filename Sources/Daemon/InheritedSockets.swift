// SPDX-License-Identifier: Apache-2.0
// The sockets that were handed over at start, on their way to the services that claim them by name.

internal import Descriptors
internal import Policy
internal import SocketServer
internal import Synchronization
package import Systemd

/// The inherited sockets that no service has claimed yet; each is given away once.
package final class InheritedSockets: Sendable {
    private let descriptors: Mutex<InheritedDescriptors>

    /// Takes over what was handed to this process.
    package init(_ descriptors: consuming InheritedDescriptors) {
        self.descriptors = Mutex(descriptors)
    }

    /// All sockets of this name, and what was wrong with others of that name.
    func claim(named name: String) -> (places: [WhereToListen<SocketAddress, SocketAddress>], errors: [String]) {
        var places: [WhereToListen<SocketAddress, SocketAddress>] = []
        var errors: [String] = []
        while true {
            do {
                guard let descriptor = try take(name) else { return (places, errors) }
                places.append(descriptor)
            } catch {
                errors.append("\(error)")
            }
        }
    }

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

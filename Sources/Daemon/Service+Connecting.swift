// SPDX-License-Identifier: Apache-2.0
// A caller of the admin socket that becomes a connection of a service.

internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Varlink

/// A slot of a service and an id, for a caller whose connection is to be the service's.
///
/// If it is dropped unused, its `slot` gives itself back when it is deinitialised.
final class ConnectionTicket: Sendable {
    /// How long a caller may take to read the reply: then it is disconnected, and the slot is free.
    static let patience = Duration.seconds(5)

    /// The id that the connection will have.
    let id: UInt64
    private let service: Service
    private let slot: ConnectionSlot

    /// A ticket for `service`, which has set `slot` aside.
    init(id: UInt64, _ service: Service, _ slot: ConnectionSlot) {
        self.id = id
        self.service = service
        self.slot = slot
    }

    /// Has the service serve the connection; only on the loop.
    func use(for socket: ConnectedSocket) {
        guard let moved = socket.moved() else { return }
        service.assumeIsolated { service in
            // It may have been closed, suspended or changed while the reply was on its way.
            guard service.takesCallers else { return moved.closeNow() }
            _ = slot.use(for: moved, id: id)
        }
    }
}

extension Service {
    /// Whether a caller may become a connection at this moment.
    fileprivate var takesCallers: Bool {
        definition.allowsConnect && phase.isOpen && suspension == nil && !throttle.isHolding
    }

    /// Makes room for a caller that is to become a connection, within the limit and where the service accepts others.
    ///
    /// A caller that does not let the reply through is disconnected after a while.
    ///
    /// - Throws: `NotConnectable`, `WrongState`, `ServiceFull`.
    func admit(_ caller: AdminCaller) throws(VarlinkError) -> ConnectionTicket {
        guard definition.allowsConnect else {
            throw VarlinkError(Manager.NotConnectable(service: name.description))
        }
        guard takesCallers, let server = servers.first(where: { !$0.isClosed }) else {
            throw VarlinkError(Manager.WrongState(service: name.description, state: state))
        }
        guard let slot = server.takeSlot() else {
            throw VarlinkError(Manager.ServiceFull(service: name.description, connectionLimit: limit.maximum))
        }
        let ticket = ConnectionTicket(id: context.numbering.next(), self, slot)
        // Who has used it has let it go.
        context.loop.schedule(after: ConnectionTicket.patience) { [weak ticket] in
            if ticket != nil { caller.disconnect() }
        }
        return ticket
    }
}

// SPDX-License-Identifier: Apache-2.0
// Whether the streams of connections can be shut down, which is found out before anything is changed.

internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets
internal import Varlink

extension Service {
    /// Checks that the streams of the connections that are meant can be shut down; without a condition, those of all
    /// that come, too.
    ///
    /// Serverd itself may end what it serves itself.
    /// - Throws: `ShutdownNotPossible`.
    func checkShutdown(_ isMeant: ((ConnectionStatus) -> Bool)? = nil) throws(VarlinkError) {
        guard case .program(let program) = definition.handler else { return }
        let meant = served.values.filter { isMeant?(status(of: $0)) ?? true }
        if isMeant != nil, meant.isEmpty { return }
        guard program.allowsShutdown else { throw shutdownNotPossible(.configuration) }
        for entry in meant {
            let connection = entry.connection
            guard connection.peer.isInet else { throw shutdownNotPossible(.transport, connection.id) }
            // It began before the configuration allowed it.
            if let running = entry.running, running.stream == nil {
                throw shutdownNotPossible(.configuration, connection.id)
            }
        }
        do throws(SocketDiagnosisFailure) {
            try SocketDiagnostics.checkDestruction(by: context.destroyStream)
        } catch .notPermitted {
            throw shutdownNotPossible(.capability)
        } catch {
            throw shutdownNotPossible(.kernel)
        }
    }

    private func shutdownNotPossible(_ reason: ShutdownObstacle, _ id: UInt64? = nil) -> VarlinkError {
        VarlinkError(Manager.ShutdownNotPossible(reason: reason, service: name.description, id: id))
    }
}

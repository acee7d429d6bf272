// SPDX-License-Identifier: Apache-2.0
// One address of a service: the server that listens there, or why there is none and when it is tried again.

internal import Descriptors
internal import EventLoops
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Sockets

/// A server of any kind of address, as the daemon has them.
typealias StreamServer = Server<SocketAddress, SocketAddress>

/// The file of a socket that is listened on.
struct SocketFile: Hashable, Sendable {
    /// The number of the listener.
    let listener: Int
    /// The file.
    let file: UnixSocketFile
}

/// One address of a service.
struct ServiceListener {
    /// Why there is no server, and when the next try is due.
    struct Failure {
        let reason: String
        /// On the loop's clock; nil when trying again cannot help.
        let retryAt: Duration?
    }

    /// Its number among all that the service has had.
    let id: Int
    /// The address as configured.
    let address: ListenAddress
    /// The server, once it listens.
    var server: StreamServer?
    /// Why it does not.
    var failure: Failure?
    /// The waits between tries.
    var backoff = Backoff(first: .seconds(1), longest: .seconds(30))
    /// The next try.
    var retry: LoopTimer?
    /// The last try that goes on by itself; it may still be under way.
    var opening: Task<Void, Never>?
    /// Whether its socket's file was gone when last looked.
    var isFileGone = false

    /// An address on which nobody listens yet.
    init(id: Int, _ address: ListenAddress) {
        self.id = id
        self.address = address
    }

    /// Where it listens; the address as configured while it does not.
    var shownAddress: String {
        server.map { $0.listeningOnAddress.description } ?? address.description
    }

    /// Its socket's file; nil while it does not listen, and where that is none of ours.
    var socketFile: SocketFile? {
        guard let server, !server.isClosed, let file = server.listener.file else { return nil }
        return SocketFile(listener: id, file: file)
    }
}

extension ListenAddress {
    /// Where to bind; nil for an inherited address.
    func placeToBind(
        _ file: SocketFileOptions
    ) -> WhereToListen<SocketAddress, SocketAddress>? {
        switch kind {
        case .inet(let address): return .bind(.address(.inet(address)), file: file)
        case .everyAddress(let port): return .bind(.everyAddress(port: port), file: file)
        case .unix(let address): return .bind(.address(.unix(address)), file: file)
        case .inherited: return nil
        }
    }
}

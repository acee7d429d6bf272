// SPDX-License-Identifier: Apache-2.0
// Connections and the filters that choose some of them, as `io.serverd.Manager` tells of them.

internal import Varlink

/// How a connection came about.
package enum Transport: String, Codable, CaseIterable, Sendable {
    /// The peer connected by TCP.
    case tcp
    /// The peer connected to a Unix socket.
    case unix
    /// The peer called Connect.
    case connect
}

/// What a connection is doing.
package enum ConnectionState: String, Codable, CaseIterable, Sendable {
    /// It was accepted, and its handler is being started.
    case starting
    /// Its handler serves it.
    case serving
    /// Its handler was asked to end: by SIGTERM, or by a shutdown of the stream.
    case stopping
    /// Its handler was sent SIGKILL.
    case killing
    /// Its handler has ended, and processes that the handler had started live on.
    case lingering
}

/// The process at the other end of a Unix socket, as it was when it connected.
package struct UnixPeer: VarlinkObject, Hashable {
    /// Its user.
    package var uid: UInt32
    /// Its group.
    package var gid: UInt32
    /// Its process.
    package var pid: Int32

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case uid, gid, pid
    }

    /// A value from its fields.
    package init(uid: UInt32, gid: UInt32, pid: Int32) {
        self.uid = uid
        self.gid = gid
        self.pid = pid
    }
}

/// One connection at one moment.
package struct ConnectionStatus: VarlinkObject, Hashable {
    /// Identifies it among all connections of this daemon; never used again.
    ///
    /// It is in the log and in the handler's SERVERD_CONNECTION_ID too.
    package var id: UInt64
    /// Its service.
    package var service: String
    /// How it came about.
    package var transport: Transport
    /// The address of the other end: "192.0.2.1:4711", "[2001:db8::1]:4711", a path, "@name", or "unix" if it has none.
    package var peer: String
    /// Who the other end is, unless it is TCP.
    package var unixPeer: UnixPeer?
    /// The address of this end, in the same form.
    package var localAddress: String
    /// What it is doing.
    package var state: ConnectionState
    /// When it was accepted, in microseconds since the epoch.
    package var startTimestamp: Int64
    /// The process of its handler.
    ///
    /// Absent if serverd serves it itself, and until the program runs.
    package var pid: Int32?
    /// How much processor time that process has used, in microseconds.
    package var cpuTime: Int64?
    /// How much memory that process has resident, in bytes; if it has not run since, up to ten seconds ago.
    package var memory: Int64?
    /// How many bytes have come from the peer.
    ///
    /// TCP only.
    package var bytesIn: Int64?
    /// How many bytes the peer has received.
    ///
    /// TCP only.
    package var bytesOut: Int64?

    /// The fields' names.
    ///
    /// They are written in this order. There can be thousands of connections, and sorted keys need not be sorted.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case bytesIn, bytesOut, cpuTime, id, localAddress, memory, peer, pid, service, startTimestamp, state, transport
        case unixPeer
    }

    /// A value from its fields.
    package init(
        id: UInt64, service: String, transport: Transport, peer: String, unixPeer: UnixPeer? = nil,
        localAddress: String, state: ConnectionState, startTimestamp: Int64, pid: Int32? = nil, cpuTime: Int64? = nil,
        memory: Int64? = nil, bytesIn: Int64? = nil, bytesOut: Int64? = nil
    ) {
        self.id = id
        self.service = service
        self.transport = transport
        self.peer = peer
        self.unixPeer = unixPeer
        self.localAddress = localAddress
        self.state = state
        self.startTimestamp = startTimestamp
        self.pid = pid
        self.cpuTime = cpuTime
        self.memory = memory
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
    }
}

/// Which connections are meant: those that all given conditions hold for.
package struct ConnectionFilter: VarlinkObject, Hashable {
    /// They are of this service.
    package var service: String?
    /// Their peer's address lies in this network: "192.0.2.0/24", "2001:db8::/32", or a single address.
    package var peer: String?
    /// They have been open for at least so long, in microseconds.
    package var olderThan: Int64?
    /// They are doing this.
    package var state: ConnectionState?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case service, peer, olderThan, state
    }

    /// A value from its fields.
    package init(service: String? = nil, peer: String? = nil, olderThan: Int64? = nil, state: ConnectionState? = nil) {
        self.service = service
        self.peer = peer
        self.olderThan = olderThan
        self.state = state
    }
}

// SPDX-License-Identifier: Apache-2.0
// What the kernel says of one TCP stream, as a value, and the two forms of its identity.

internal import CLinux
internal import Glibc
package import Policy

/// A TCP stream of this machine, as it was when the kernel was asked.
package struct TCPStream: Equatable, Sendable {
    /// The state of our end, by the names of tcp(7).
    package enum State: UInt8, CaseIterable, Sendable {
        /// Both ends may send.
        case established = 1
        /// We have ended our direction; the peer has not confirmed it.
        case finWait1 = 4
        /// We have ended our direction and the peer knows.
        case finWait2 = 5
        /// The peer has ended its direction; ours is open.
        case closeWait = 8
        /// Both have ended; the peer has not confirmed ours, which came second.
        case lastAck = 9
        /// Both have ended at the same time; the peer has not confirmed ours.
        case closing = 11
    }

    /// Which stream this is.
    package let identity: StreamIdentity
    /// The state.
    package let state: State
    /// How long a segment takes to the peer and back, smoothed.
    package let roundTripTime: Duration
    /// How many bytes have come from the peer.
    package let bytesReceived: UInt64
    /// How many bytes were sent, each counted once however often it had to be sent.
    package let bytesSent: UInt64
    /// How many of the bytes sent the peer has confirmed.
    package let bytesAcknowledged: UInt64

    /// The stream of the kernel's answer; `nil` for one that is over, and only waits for late segments.
    init?(_ answer: clinux_stream) {
        guard answer.has_info != 0, let state = State(rawValue: answer.state) else { return nil }
        identity = StreamIdentity(answer.id)
        self.state = state
        roundTripTime = .microseconds(Int64(answer.round_trip_us))
        bytesReceived = answer.bytes_received
        bytesSent = answer.bytes_sent
        bytesAcknowledged = answer.bytes_acknowledged
    }
}

extension StreamIdentity {
    /// The identity in the kernel's form.
    fileprivate init(_ id: clinux_stream_id) {
        let address = { (bytes: UnsafeRawBufferPointer, port: UInt16) in
            guard id.is_v6 != 0 else {
                return InetAddress(ip: .v4(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))), port: port)
            }
            let ip = IPAddress.v6(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)), zone: 0)
            return InetAddress(ip: ip.isLinkLocal ? ip.inZone(id.interface) : ip, port: port)
        }
        self.init(
            local: withUnsafeBytes(of: id.local) { address($0, id.local_port) },
            peer: withUnsafeBytes(of: id.peer) { address($0, id.peer_port) }, cookie: id.cookie)
    }

    /// The kernel's form of the identity.
    ///
    /// It finds IPv4 peers of IPv6 sockets by their IPv4 address.
    var kernelForm: clinux_stream_id {
        var id = clinux_stream_id()
        id.is_v6 = local.ip.isV6 ? 1 : 0
        id.local_port = local.port
        id.peer_port = peer.port
        id.cookie = cookie
        withUnsafeMutableBytes(of: &id.local) { local.ip.store(in: $0) }
        withUnsafeMutableBytes(of: &id.peer) { peer.ip.store(in: $0) }
        id.interface = peer.ip.zone
        return id
    }
}

extension IPAddress {
    /// Whether the address means something on one link only: `fe80::/10`.
    fileprivate var isLinkLocal: Bool {
        if case .v6(let high, _, _) = self { high >> 54 == 0x3fa } else { false }
    }

    /// The index of the interface of a link-local address, otherwise 0.
    fileprivate var zone: UInt32 {
        if case .v6(_, _, let zone) = self { zone } else { 0 }
    }

    /// The address on this interface.
    fileprivate func inZone(_ zone: UInt32) -> IPAddress {
        if case .v6(let high, let low, _) = self { .v6(high: high, low: low, zone: zone) } else { self }
    }

    /// Writes the address in network byte order.
    fileprivate func store(in bytes: UnsafeMutableRawBufferPointer) {
        switch self {
        case .v4(let bits): bytes.storeBytes(of: bits.bigEndian, as: UInt32.self)
        case .v6(let high, let low, _):
            bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
    }
}

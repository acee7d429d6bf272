// SPDX-License-Identifier: Apache-2.0
// The options of a server, checked before any socket exists.

package import Descriptors
internal import Glibc
package import Sockets

/// How old the oldest byte in a writer may become before the connection is given up.
///
/// The original's `buffer_age_limit`.
public enum BufferAgeLimit: Hashable, Sendable {
    /// At most this; checked every second.
    case atMost(Duration)
    /// Bytes may wait for ever.
    case unlimited
}

/// The options of ``Server/create(on:options:onHandlerError:handler:)`` and its siblings.
public struct ServerOptions: Sendable {
    /// The most connections at a time, at least 1: `max_connections`.
    ///
    /// At the limit the server does not accept; clients wait in the backlog. `nil` is 10,000, or fewer when the process
    /// may not open that many descriptors.
    public var maxConnections: Int?
    /// A limit shared with other servers, instead of `maxConnections`.
    public var connectionLimit: ConnectionLimit?
    /// The least number of clients that the system lets wait to be accepted: `backlog`.
    ///
    /// It may let more wait, and never promises to refuse one. Not for an inherited socket that listens already.
    public var backlog = 128
    /// The most connections accepted at once, at least 1, before those that are there get their turn:
    /// `max_accepts_per_batch`.
    public var maxAcceptsPerBatch = defaultMaxAcceptsPerBatch
    /// The age limit of what a `Writer` holds: `buffer_age_limit`.
    public var bufferAgeLimit = BufferAgeLimit.atMost(.seconds(120))
    /// How long a connection whose handler is done may take to send what its writer still holds.
    public var closeDeadline = Duration.seconds(30)
    /// Whether to begin by closing each connection at once: `drop_incoming_connections`.
    public var dropIncomingConnections = false
    /// The mode of a socket file, which is this process's own user's: permission bits; who may write to it may connect.
    public var socketFileMode: UInt32 = 0o666
    /// Is called on the loop with what happens.
    ///
    /// It must not block.
    public var onEvent: (@Sendable (ServerEvent) -> Void)?

    package var acceptCall = SystemCall<CInt, AcceptedConnection>.kernel
    /// Whether the kernel refuses descriptors that clients of a Unix socket send; always where no connection is given
    /// away.
    package var refusesDescriptors = false
    package var numbering = ConnectionNumbering.shared
    /// Whether the server begins with a hold: see `ServerCore.holdAccepting()`.
    package var beginsHeld = false

    /// The defaults.
    public init() {}

    /// `maxAcceptsPerBatch` when nothing is said.
    public static let defaultMaxAcceptsPerBatch = 16

    /// `max_connections` when nothing is said: 10,000, but never more than the descriptor limit can serve.
    ///
    /// A quarter of the descriptors, at least 16, is kept for everything that is not a connection.
    public static var defaultMaxConnections: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 10_000 }
        return maxConnections(descriptorLimit: Int(clamping: limit.rlim_cur))
    }

    static func maxConnections(descriptorLimit: Int) -> Int {
        max(1, min(10_000, descriptorLimit - max(16, descriptorLimit / 4)))
    }

    func validate() throws(ServerError) {
        func require(_ condition: Bool, _ message: String) throws(ServerError) {
            if !condition { throw ServerError(.invalidOption, message) }
        }
        if let maxConnections {
            try require(maxConnections >= 1, "maxConnections must be at least 1, but is \(maxConnections)")
            try require(connectionLimit == nil, "maxConnections and connectionLimit cannot both be given")
        }
        try require(backlog >= 0, "backlog must not be negative, but is \(backlog)")
        try require(maxAcceptsPerBatch >= 1, "maxAcceptsPerBatch must be at least 1, but is \(maxAcceptsPerBatch)")
        try require(
            socketFileMode <= 0o777,
            "socketFileMode has permission bits only, but is 0o\(String(socketFileMode, radix: 8))")
        try require(closeDeadline >= .zero, "closeDeadline must not be negative, but is \(closeDeadline)")
        if case .atMost(let age) = bufferAgeLimit {
            try require(age > .zero, "bufferAgeLimit must be positive, but is \(age)")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// What is written down of a connection that a program has, and its fixed place in memory.

internal import CLinux
internal import Policy
internal import ServiceConfig

/// What is known of a connection that was handed over, for whoever serves in this daemon's place after it.
struct ConnectionRecord: Equatable, Sendable {
    /// The length of a record in memory.
    static let length = 512

    /// Who is at the other end of a Unix socket.
    struct Credentials: Equatable, Sendable {
        var pid: Int32
        var uid: UInt32
        var gid: UInt32
    }

    /// Its id, never 0.
    var id: UInt64
    /// The service's name.
    var service: ServiceName
    /// The leader of the program's session.
    var pid: Int32
    /// When it was accepted, since the machine was booted: the program started no earlier.
    var acceptedAt: Duration
    /// When this was written, since the machine was booted: the program started no later.
    var writtenAt: Duration
    /// The other end.
    var peer: SocketAddress
    /// Our end.
    var localAddress: SocketAddress
    /// Who is at the other end, on a Unix socket.
    var credentials: Credentials?
    /// SO_COOKIE of the socket, if its stream may be shut down.
    var cookie: UInt64?
    /// Whether it was a caller of the admin socket.
    var isCaller = false
}

extension ConnectionRecord {
    private enum Place {
        static let pid = 8
        static let flags = 12
        static let acceptedAt = 16
        static let writtenAt = 24
        static let cookie = 32
        static let credentials = 40
        static let nameLength = 52
        static let name = 56
        static let peer = 128
        static let localAddress = 256
    }

    private static let hasCredentials: UInt32 = 1
    private static let hasCookie: UInt32 = 2
    private static let wasCaller: UInt32 = 4

    /// Writes everything, and the id last: what is interrupted is no record.
    func write(to memory: UnsafeMutableRawBufferPointer) {
        var flags: UInt32 = isCaller ? Self.wasCaller : 0
        if let credentials {
            flags |= Self.hasCredentials
            memory.storeBytes(of: credentials.pid, toByteOffset: Place.credentials, as: Int32.self)
            memory.storeBytes(of: credentials.uid, toByteOffset: Place.credentials + 4, as: UInt32.self)
            memory.storeBytes(of: credentials.gid, toByteOffset: Place.credentials + 8, as: UInt32.self)
        }
        if cookie != nil { flags |= Self.hasCookie }
        memory.storeBytes(of: cookie ?? 0, toByteOffset: Place.cookie, as: UInt64.self)
        memory.storeBytes(of: pid, toByteOffset: Place.pid, as: Int32.self)
        memory.storeBytes(of: flags, toByteOffset: Place.flags, as: UInt32.self)
        memory.storeBytes(of: acceptedAt.nanoseconds, toByteOffset: Place.acceptedAt, as: UInt64.self)
        memory.storeBytes(of: writtenAt.nanoseconds, toByteOffset: Place.writtenAt, as: UInt64.self)
        let name = service.description.utf8
        memory.storeBytes(of: UInt32(name.count), toByteOffset: Place.nameLength, as: UInt32.self)
        UnsafeMutableRawBufferPointer(rebasing: memory[Place.name..<Place.peer]).copyBytes(from: name)
        RecordedAddress.write(peer, to: Self.part(of: memory, Place.peer))
        RecordedAddress.write(localAddress, to: Self.part(of: memory, Place.localAddress))
        memory.withMemoryRebound(to: UInt64.self) { clinux_publish($0.baseAddress, id) }
    }

    /// Takes the record that is there away.
    static func erase(_ memory: UnsafeMutableRawBufferPointer) {
        memory.withMemoryRebound(to: UInt64.self) { clinux_withdraw($0.baseAddress) }
    }

    /// The record that is there; nil when there is none, or it is not one that we would write.
    init?(_ memory: UnsafeMutableRawBufferPointer) {
        let id = memory.load(as: UInt64.self)
        let pid = memory.load(fromByteOffset: Place.pid, as: Int32.self)
        guard id != 0, pid > 1 else { return nil }
        let length = Int(memory.load(fromByteOffset: Place.nameLength, as: UInt32.self))
        guard length <= ServiceName.maximumLength,
            let name = ServiceName(String(decoding: memory[Place.name..<Place.name + length], as: UTF8.self)),
            let peer = RecordedAddress.read(Self.part(of: memory, Place.peer)),
            let localAddress = RecordedAddress.read(Self.part(of: memory, Place.localAddress))
        else { return nil }
        let flags = memory.load(fromByteOffset: Place.flags, as: UInt32.self)
        self.init(
            id: id, service: name, pid: pid,
            acceptedAt: Duration(nanosecondsOfRecord: memory.load(fromByteOffset: Place.acceptedAt, as: UInt64.self)),
            writtenAt: Duration(nanosecondsOfRecord: memory.load(fromByteOffset: Place.writtenAt, as: UInt64.self)),
            peer: peer, localAddress: localAddress)
        isCaller = flags & Self.wasCaller != 0
        if flags & Self.hasCookie != 0 { cookie = memory.load(fromByteOffset: Place.cookie, as: UInt64.self) }
        guard flags & Self.hasCredentials != 0 else { return }
        credentials = Credentials(
            pid: memory.load(fromByteOffset: Place.credentials, as: Int32.self),
            uid: memory.load(fromByteOffset: Place.credentials + 4, as: UInt32.self),
            gid: memory.load(fromByteOffset: Place.credentials + 8, as: UInt32.self))
    }

    private static func part(
        of memory: UnsafeMutableRawBufferPointer, _ place: Int
    ) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[place..<place + RecordedAddress.length])
    }
}

extension Duration {
    fileprivate var nanoseconds: UInt64 { UInt64(max(0, wholeNanoseconds)) }

    fileprivate init(nanosecondsOfRecord count: UInt64) { self = .nanoseconds(Int64(clamping: count)) }
}

// SPDX-License-Identifier: Apache-2.0
// A socket address in a fixed number of bytes, for a connection's record.

internal import Policy

/// The form of an address in a record: kind, length of a name, port, zone, and the bytes.
enum RecordedAddress {
    /// The length of an address in memory.
    static let length = 128
    private static let nameLimit = 108

    private enum Kind: UInt8 {
        case unnamed = 1
        case path, abstract, v4, v6
    }
    private enum Place {
        static let nameLength = 1
        static let port = 2
        static let zone = 4
        static let bytes = 8
    }

    /// Writes an address; a name too long for a socket, which only our own end can have, becomes none.
    static func write(_ address: SocketAddress, to memory: UnsafeMutableRawBufferPointer) {
        switch address {
        case .inet(let inet):
            memory.storeBytes(of: inet.port, toByteOffset: Place.port, as: UInt16.self)
            switch inet.ip {
            case .v4(let bits):
                memory[0] = Kind.v4.rawValue
                memory.storeBytes(of: bits, toByteOffset: Place.bytes, as: UInt32.self)
            case .v6(let high, let low, let zone):
                memory[0] = Kind.v6.rawValue
                memory.storeBytes(of: zone, toByteOffset: Place.zone, as: UInt32.self)
                memory.storeBytes(of: high, toByteOffset: Place.bytes, as: UInt64.self)
                memory.storeBytes(of: low, toByteOffset: Place.bytes + 8, as: UInt64.self)
            }
        case .unix(.path(let path)): write(path.utf8, .path, to: memory)
        case .unix(.abstract(let name)): write(name, .abstract, to: memory)
        case .unix(.unnamed): memory[0] = Kind.unnamed.rawValue
        }
    }

    private static func write(
        _ name: some Collection<UInt8>, _ kind: Kind, to memory: UnsafeMutableRawBufferPointer
    ) {
        guard name.count <= nameLimit else {
            memory[0] = Kind.unnamed.rawValue
            return
        }
        memory[0] = kind.rawValue
        memory[Place.nameLength] = UInt8(name.count)
        UnsafeMutableRawBufferPointer(rebasing: memory[Place.bytes...]).copyBytes(from: name)
    }

    /// The address that is there; nil when it is none.
    static func read(_ memory: UnsafeMutableRawBufferPointer) -> SocketAddress? {
        let port = memory.load(fromByteOffset: Place.port, as: UInt16.self)
        let name = memory[Place.bytes..<Place.bytes + min(Int(memory[Place.nameLength]), nameLimit)]
        switch Kind(rawValue: memory[0]) {
        case .unnamed: return .unix(.unnamed)
        case .path: return .unix(.path(String(decoding: name, as: UTF8.self)))
        case .abstract: return .unix(.abstract(Array(name)))
        case .v4:
            let bits = memory.load(fromByteOffset: Place.bytes, as: UInt32.self)
            return .inet(InetAddress(ip: .v4(bits), port: port))
        case .v6:
            let ip = IPAddress.v6(
                high: memory.load(fromByteOffset: Place.bytes, as: UInt64.self),
                low: memory.load(fromByteOffset: Place.bytes + 8, as: UInt64.self),
                zone: memory.load(fromByteOffset: Place.zone, as: UInt32.self))
            return .inet(InetAddress(ip: ip, port: port))
        case nil: return nil
        }
    }
}

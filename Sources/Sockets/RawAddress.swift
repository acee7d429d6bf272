// SPDX-License-Identifier: Apache-2.0
// Socket addresses between their two forms: Policy's values and the kernel's sockaddr.

internal import CLinux
internal import Glibc
internal import Policy

/// The kernel's form of a socket address, with its length.
struct RawAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Room for the kernel to write an address into.
    init() {}

    /// The kernel's form of `address`; `nil` when a path or an abstract name is longer than `sun_path` (107 bytes).
    init?(_ address: SocketAddress) {
        switch address {
        case .inet(let inet): self.init(inet)
        case .unix(let unix): self.init(unix)
        }
    }

    private init(_ address: InetAddress) {
        switch address.ip {
        case .v4(let bits):
            var form = sockaddr_in()
            form.sin_family = sa_family_t(AF_INET)
            form.sin_port = address.port.bigEndian
            form.sin_addr.s_addr = bits.bigEndian
            fill(from: form)
        case .v6(let high, let low, let zone):
            var form = sockaddr_in6()
            form.sin6_family = sa_family_t(AF_INET6)
            form.sin6_port = address.port.bigEndian
            form.sin6_scope_id = zone
            withUnsafeMutableBytes(of: &form.sin6_addr) { bytes in
                bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            fill(from: form)
        }
    }

    private init?(_ address: UnixAddress) {
        let name: [UInt8]
        switch address {
        case .unnamed: name = []
        case .path(let path): name = Array(path.utf8) + [0]
        case .abstract(let abstract): name = [0] + abstract
        }
        var form = sockaddr_un()
        guard name.count <= MemoryLayout.size(ofValue: form.sun_path) else { return nil }
        form.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &form.sun_path) { $0.copyBytes(from: name) }
        fill(from: form)
        length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    }

    private mutating func fill<Form>(from form: Form) {
        length = socklen_t(MemoryLayout<Form>.size)
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: form, as: Form.self) }
    }

    /// The value of what the kernel wrote.
    ///
    /// Nothing is read beyond the length it gave: an unnamed Unix peer has only a family. IPv4-mapped IPv6 addresses
    /// come out as plain IPv4. `nil` for a family that is neither.
    var address: SocketAddress? {
        withUnsafeBytes(of: storage) { bytes in
            switch CInt(storage.ss_family) {
            case AF_INET:
                let form = bytes.loadUnaligned(as: sockaddr_in.self)
                let ip = IPAddress.v4(UInt32(bigEndian: form.sin_addr.s_addr))
                return .inet(InetAddress(ip: ip, port: UInt16(bigEndian: form.sin_port)))
            case AF_INET6:
                let form = bytes.loadUnaligned(as: sockaddr_in6.self)
                let offset = 8
                let ip = IPAddress.v6(
                    high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)),
                    zone: form.sin6_scope_id)
                return .inet(InetAddress(ip: ip.unmapped, port: UInt16(bigEndian: form.sin6_port)))
            case AF_UNIX:
                let name = bytes[MemoryLayout<sa_family_t>.size..<max(Int(length), MemoryLayout<sa_family_t>.size)]
                return .unix(Self.unixAddress(name))
            default:
                return nil
            }
        }
    }

    private static func unixAddress(_ name: Slice<UnsafeRawBufferPointer>) -> UnixAddress {
        guard let first = name.first else { return .unnamed }
        if first == 0 { return .abstract(Array(name.dropFirst())) }
        return .path(String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
    }

    /// The address to which `descriptor` is bound; `nil` when it is not a socket of a known family.
    static func local(of descriptor: CInt) -> SocketAddress? {
        var raw = RawAddress()
        return clinux_getsockname(descriptor, &raw.storage, &raw.length) == 0 ? raw.address : nil
    }
}

extension SocketAddress {
    /// Whether a socket with this address of its own can be connected to: not when bind(2) was never called.
    var isBound: Bool {
        switch self {
        case .inet(let inet): inet.port != 0
        case .unix(let unix): unix != .unnamed
        }
    }
}

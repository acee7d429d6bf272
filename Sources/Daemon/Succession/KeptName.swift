// SPDX-License-Identifier: Apache-2.0
// The names under which the daemon's descriptors go from one image, or one process, to the next.

internal import Policy
internal import ServiceConfig
internal import Sockets

/// The name of a descriptor that is kept for whoever serves after us.
///
/// Names that begin with `serverd-` are ours; a service's own `fd:NAME` keeps the name that it has.
enum KeptName {
    /// What each name of ours begins with.
    static let prefix = "serverd-"
    /// The ``ConnectionLedger``.
    static let ledger = prefix + "state"
    /// The ``OperatorSettings``; not over an exec.
    static let operatorSettings = prefix + "operators"
    /// The admin socket; only over an exec.
    static let adminSocket = prefix + "admin"
    /// Its lock; only over an exec.
    static let adminLock = prefix + "admin-lock"

    private static let listener = prefix + "listen-"
    private static let longest = 255

    /// Where handlers of a service write to, from the reading end and the writing one.
    static func standardError(of service: ServiceName) -> (reading: String, writing: String) {
        (prefix + "stderr-r-\(service)", prefix + "stderr-w-\(service)")
    }

    /// A listener that we have bound to a configured address, with the identity of its file if it has one.
    ///
    /// Two of one name are the same listener, or one that was replaced; where the system chooses the port, two of one
    /// service. Nil when the name would be too long.
    static func listener(on address: ListenAddress, of service: ServiceName, _ file: UnixSocketFile?) -> String? {
        let identity = file.map { "\($0.device)-\($0.inode)" } ?? "0-0"
        let name = listener + "\(identity)-" + place(address, service)
        return name.utf8.count <= longest ? name : nil
    }

    /// Whether it is the name of a listener on `address`, as `service` would have it.
    static func isListener(_ name: String, on address: ListenAddress, of service: ServiceName) -> Bool {
        parse(name)?.address == place(address, service)
    }

    /// The file of a listener of this name; nil when it has none.
    static func file(ofListener name: String) -> UnixSocketFile? {
        guard let parts = parse(name), parts.inode != 0 else { return nil }
        return unescape(parts.address).map { UnixSocketFile(path: $0, device: parts.device, inode: parts.inode) }
    }

    /// Where a listener is: an address of which there is one, or one of a service where the system chooses the port.
    private static func place(_ address: ListenAddress, _ service: ServiceName) -> Substring {
        escape(address.hasChosenPort ? "\(address) \(service)" : address.description)
    }

    private static func parse(_ name: String) -> (device: UInt, inode: UInt, address: Substring)? {
        guard name.hasPrefix(listener) else { return nil }
        let parts = name.dropFirst(listener.count).split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let device = UInt(parts[0]), let inode = UInt(parts[1]) else { return nil }
        return (device, inode, parts[2])
    }

    /// Without what no name may have: a colon, and whatever is not plain ASCII.
    private static func escape(_ text: String) -> Substring {
        var escaped = ""
        for byte in text.utf8 {
            let isPlain = byte > 0x20 && byte < 0x7f && !":%".utf8.contains(byte)
            if isPlain {
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                escaped += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
        return escaped[...]
    }

    private static func unescape(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

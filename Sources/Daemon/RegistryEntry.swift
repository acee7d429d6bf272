// SPDX-License-Identifier: Apache-2.0
// The admin socket's entry among the machine's Varlink services, by which clients find it by the interface's name.

internal import Descriptors
internal import Glibc
internal import Logging
internal import ManagerInterface
internal import SystemPackage

/// A symbolic link in the registry of Varlink services, named like the interface, to the admin socket.
///
/// There is one only where there is a registry. It is ours as long as it leads to our socket: then it is removed with it.
struct RegistryEntry: Sendable {
    /// Where a machine's Varlink services are found.
    static let directory = "/run/varlink/registry"

    private let path: String
    private let socket: String

    /// Enters `socket`, whose path is absolute, in the place of an entry that leads nowhere.
    ///
    /// Nil where there is no registry, and, which is logged, where the entry leads to somebody else or cannot be made.
    init?(socket: String, in directory: String = directory, logger: Logger) {
        path = directory + "/" + Manager.interfaceName
        self.socket = socket
        guard socket.hasPrefix("/"), access(directory, F_OK) == 0 else { return nil }
        if let other = Self.target(path), other != socket, access(path, F_OK) == 0 {
            logger.warning(
                "another socket is registered for the admin interface; it stays, and this one is not registered",
                metadata: ["entry": .string(path), "socket": .string(other)])
            return nil
        }
        // By another name first: so that there is never a moment without an entry, or with half of one.
        let new = path + ".new"
        unlink(new)
        guard symlink(socket, new) == 0, rename(new, path) == 0 else {
            logger.warning(
                "cannot register the admin socket; clients that look for it by its interface do not find it",
                metadata: ["entry": .string(path), "error": .string(Errno(rawValue: errno).textWithName)])
            return nil
        }
    }

    /// Removes the entry if it is still ours.
    func remove() {
        if Self.target(path) == socket { unlink(path) }
    }

    private static func target(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count >= 0 else { return nil }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

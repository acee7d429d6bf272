// SPDX-License-Identifier: Apache-2.0
// The listeners that the service manager hands over at start, found by name (sd_listen_fds_with_names(3)).

internal import CSystemd
package import Descriptors
internal import Glibc
package import SystemPackage

/// The descriptors we were started with and which nobody has claimed yet.
///
/// It owns them: what is never taken is closed by ``closeUnclaimed()``, or by `deinit`.
package struct InheritedDescriptors: ~Copyable, Sendable {
    /// A descriptor that nobody claimed, as it is reported.
    package struct Unclaimed: Hashable, Sendable {
        /// Its name, which several may share.
        package let name: String
        /// Its number while it was open.
        package let number: CInt
        /// What it was.
        package let kind: DescriptorKind
    }

    private var entries: [(name: String, number: CInt)]

    /// Takes ownership of descriptors that are open and close-on-exec, each with its name.
    package init(adopting entries: [(name: String, number: CInt)]) {
        self.entries = entries
    }

    deinit {
        for entry in entries { Descriptor(adopting: entry.number).close() }
    }

    /// Takes the next descriptor of this name; nil when there is none left.
    ///
    /// Call it until then: names are not unique.
    ///
    /// It is guaranteed that what is returned is a stream socket of the Internet or of a Unix address, bound or listening.
    ///
    /// - Throws: ``InheritanceError/wrongKind(number:name:kind:)``; that descriptor is closed, and the next call goes on
    ///   with the one after it.
    package mutating func take(named name: String) throws(InheritanceError) -> Descriptor? {
        guard let index = entries.firstIndex(where: { $0.name == name }) else { return nil }
        let number = entries.remove(at: index).number
        let descriptor = Descriptor(adopting: number)
        let kind = DescriptorKind(of: number)
        guard case .listener = kind else { throw .wrongKind(number: number, name: name, kind: kind) }
        return descriptor
    }

    /// Takes the next descriptor of this name, whatever it is; nil when there is none left.
    package mutating func takeAnything(named name: String) -> Descriptor? {
        guard let index = entries.firstIndex(where: { $0.name == name }) else { return nil }
        return Descriptor(adopting: entries.remove(at: index).number)
    }

    /// The names of what nobody has taken, in their order.
    package var names: [String] { entries.map(\.name) }

    /// Closes what nobody took, and says what it was.
    package mutating func closeUnclaimed() -> [Unclaimed] {
        let unclaimed = entries.map { entry in
            Unclaimed(name: entry.name, number: entry.number, kind: DescriptorKind(of: entry.number))
        }
        let numbers = entries.map(\.number)
        // First disowned, then closed: nothing is ever closed twice.
        entries = []
        for number in numbers { Descriptor(adopting: number).close() }
        return unclaimed
    }
}

extension InheritedDescriptors {
    /// Receives what `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID` announce to this process, and removes these
    /// variables, so that no handler is told about them.
    ///
    /// All are close-on-exec from then on.
    ///
    /// It changes the environment: call it once, before there is a second thread.
    package static func receive() throws(InheritanceError) -> InheritedDescriptors {
        let announced = environment("LISTEN_FDS")
        let announcedNames = environment("LISTEN_FDNAMES")
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = sd_listen_fds_with_names(1, &names)
        // Newer than the library we may be running with.
        unsetenv("LISTEN_PIDFDID")
        guard count >= 0 else {
            throw .malformed(count: announced, names: announcedNames, reason: Errno(rawValue: -count))
        }
        defer { free(names) }
        var entries: [(name: String, number: CInt)] = []
        for index in 0..<count {
            guard let name = names?[Int(index)] else { break }
            entries.append((String(cString: name), SD_LISTEN_FDS_START + index))
            free(name)
        }
        return InheritedDescriptors(adopting: entries)
    }

    private static func environment(_ variable: String) -> String {
        getenv(variable).map { String(cString: $0) } ?? ""
    }
}

/// Why inherited descriptors cannot be used.
package enum InheritanceError: Error, Hashable {
    /// The variables contradict each other or the descriptors that are open.
    case malformed(count: String, names: String, reason: Errno)
    /// A descriptor of the wanted name is not something that connections come from.
    case wrongKind(number: CInt, name: String, kind: DescriptorKind)
}

extension InheritanceError: CustomStringConvertible {
    /// What was expected, what came, and what to do.
    package var description: String {
        switch self {
        case .malformed(let count, let names, .badFileDescriptor):
            "cannot take over the inherited descriptors: LISTEN_FDS=\(count) (LISTEN_FDNAMES=\(names)), but not all of "
                + "that number are open from descriptor 3 on; start serverd from a .socket unit or "
                + "systemd-socket-activate without anything between that closes descriptors"
        case .malformed(let count, let names, let reason):
            "cannot take over the inherited descriptors: LISTEN_FDS=\(count) and LISTEN_FDNAMES=\(names) do not fit "
                + "together: \(reason.textWithName); give one name for each descriptor, separated by colons"
        case .wrongKind(let number, let name, let kind):
            "cannot listen on inherited descriptor \(number) \"\(name)\": it is \(kind), expected a listening or bound "
                + "TCP or Unix stream socket; use ListenStream= with Accept=no in the .socket unit"
        }
    }
}

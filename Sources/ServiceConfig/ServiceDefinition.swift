// SPDX-License-Identifier: Apache-2.0
// A service as the configuration defines it: where it listens, who serves its connections, within which limits.

package import Policy

/// A service as the configuration defines it.
///
/// Every value of this type can be run: it has a name, somewhere to listen and exactly one handler.
package struct ServiceDefinition: Equatable, Sendable {
    /// The backlog of a service that does not say.
    package static let defaultBacklog = 4096

    /// What serves a connection.
    package enum Handler: Equatable, Sendable {
        /// A program, started for each connection with the connection as its standard input and output.
        case program(ProgramDefinition)
        /// A protocol that the daemon speaks itself.
        case builtIn(BuiltInService)
    }

    /// What an error of a handler does to its service.
    package enum OnHandlerError: String, CaseIterable, Sendable {
        /// It is counted and logged.
        case ignore
        /// It ends the service.
        case raise
    }

    /// Where a definition was written.
    ///
    /// All origins are equal: where a service was written is no part of what it is, and a reload that finds it some
    /// lines further down leaves it alone.
    package struct Origin: Equatable, Sendable {
        /// The file.
        package let file: String
        /// The line of the key `listen`.
        package let line: Int

        /// An origin from its parts.
        package init(file: String, line: Int) {
            self.file = file
            self.line = line
        }

        /// Always true.
        package static func == (_: Origin, _: Origin) -> Bool { true }
    }

    /// The owner of socket files by name, or in digits; nil where nobody said it.
    package struct SocketOwner: Equatable, Sendable {
        /// The user.
        package let user: String?
        /// The group.
        package let group: String?

        /// An owner from its parts.
        package init(user: String? = nil, group: String? = nil) {
            self.user = user
            self.group = group
        }
    }

    /// The name.
    package let name: ServiceName
    /// What it is for, on one line; empty when not given.
    package let description: String
    /// Whether it is to be served at all.
    package let isEnabled: Bool
    /// Where it listens: at least one address, none twice.
    package let listen: [ListenAddress]
    /// What serves a connection.
    package let handler: Handler
    /// The most connections at once over all addresses; nil leaves it to the daemon.
    package let maxConnections: Int?
    /// How many connections the kernel holds for each address while they wait to be accepted.
    package let backlog: Int
    /// What an error of a handler does.
    package let onHandlerError: OnHandlerError
    /// Whether callers of the admin socket may become connections of it.
    package let allowsConnect: Bool
    /// The mode and the owner of its socket files.
    package let socketFile: SocketFileOptions
    /// The names of that owner.
    package let socketOwner: SocketOwner
    /// Where it was written.
    package let origin: Origin

    /// A service that listens on `listen` and on each of `alsoListen`, which must all differ.
    ///
    /// Limits must be positive.
    package init(
        name: ServiceName, description: String = "", isEnabled: Bool = true, listen: ListenAddress,
        alsoListen: [ListenAddress] = [], handler: Handler, maxConnections: Int? = nil, backlog: Int = defaultBacklog,
        onHandlerError: OnHandlerError = .ignore, allowsConnect: Bool = false,
        socketFile: SocketFileOptions = SocketFileOptions(), socketOwner: SocketOwner = SocketOwner(), origin: Origin
    ) {
        let addresses = [listen] + alsoListen
        precondition(Set(addresses).count == addresses.count, "service \(name) listens twice on one address")
        precondition(maxConnections ?? 1 > 0 && backlog > 0, "a limit of service \(name) is not positive")
        self.name = name
        self.description = description
        self.isEnabled = isEnabled
        self.listen = addresses
        self.handler = handler
        self.maxConnections = maxConnections
        self.backlog = backlog
        self.onHandlerError = onHandlerError
        self.allowsConnect = allowsConnect
        self.socketFile = socketFile
        self.socketOwner = socketOwner
        self.origin = origin
    }
}

/// The protocols that the daemon speaks itself.
package enum BuiltInService: String, CaseIterable, Sendable {
    /// Sends back what it receives (RFC 862).
    case echo
    /// Receives and forgets (RFC 863).
    case discard
    /// Sends the date and time as text (RFC 867).
    case daytime
    /// Sends the seconds since 1900 as a number (RFC 868).
    case time
    /// Sends characters without end (RFC 864).
    case chargen
}

/// The name of a service: 1 to 64 ASCII letters, digits, `_`, `-`, `.` or `@`, the first a letter or a digit.
package struct ServiceName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name, in characters.
    package static let maximumLength = 64

    /// The name.
    package let description: String

    /// The name that `text` is, if it is one.
    package init?(_ text: String) {
        let isPlain = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        guard let first = text.utf8.first, isPlain(first), text.utf8.count <= Self.maximumLength,
            text.utf8.allSatisfy({ isPlain($0) || "_-.@".utf8.contains($0) })
        else { return nil }
        description = text
    }

    /// By their characters.
    package static func < (a: ServiceName, b: ServiceName) -> Bool { a.description < b.description }
}

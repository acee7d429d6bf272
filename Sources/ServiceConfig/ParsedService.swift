// SPDX-License-Identifier: Apache-2.0
// Reads the file of one service.

internal import Policy

/// What was read from the file of one service.
struct ParsedService: Sendable {
    /// The service; nil when something is wrong with it.
    let definition: ServiceDefinition?
    /// Its name.
    let name: ServiceName
    /// Whether it is to be served.
    let isEnabled: Bool
    /// Its addresses with their places, as far as they could be read: two services may want one of them whatever else
    /// is wrong.
    let listen: [Located<ListenAddress>]
    /// The text of its file.
    let source: SourceText
    /// Where its keys stand.
    let keyLines: KeyLines<ServiceKey>

    /// Whether reading `file` would give the same.
    func isMade(of file: SourceFile) -> Bool {
        guard case .success(let bytes) = file.contents else { return false }
        // The name of an interface may be another one's by now.
        return source.path == file.path && source.consists(of: bytes) && !listen.contains { $0.value.hasZone }
    }

    /// Reads `file` and adds to `errors` what is wrong with it; nil when nothing at all could be read.
    static func parse(
        _ file: SourceFile, context: ConfigurationContext, errors: inout [ConfigError]
    ) -> ParsedService? {
        guard var reader = TableReader<ServiceKey>(file, errors: &errors) else { return nil }
        guard let name = ServiceName(file.serviceName) else {
            errors.append(
                ConfigError(
                    file: file.path, place: nil, message: "\(quoted(file.serviceName)) cannot be the name of a service",
                    expected:
                        "NAME.toml with 1 to \(ServiceName.maximumLength) letters, digits and, not first, _ - . @"
                ))
            return nil
        }
        guard !reader.rejectHeading() else {
            errors += reader.errors
            return nil
        }
        reader.rejectUnknownKeys()
        let listen = reader.listenAddresses()
        let isEnabled = reader.boolean(.enabled) ?? true
        let definition = service(name, listen: listen, isEnabled: isEnabled, reader: &reader, context: context)
        errors += reader.errors
        return ParsedService(
            definition: reader.errors.isEmpty ? definition : nil, name: name, isEnabled: isEnabled,
            listen: listen ?? [], source: reader.source, keyLines: reader.keyLines)
    }

    /// The service itself; nil when one of the parts that it cannot do without is missing or wrong.
    private static func service(
        _ name: ServiceName, listen: [Located<ListenAddress>]?, isEnabled: Bool,
        reader: inout TableReader<ServiceKey>, context: ConfigurationContext
    ) -> ServiceDefinition? {
        let description = reader.serviceDescription()
        let handler = reader.handler(context: context)
        let maxConnections = reader.integer(.maxConnections, in: 1...1_000_000)
        let backlog = reader.integer(.backlog, in: 1...1_000_000)
        let onHandlerError = reader.word(.onHandlerError, as: ServiceDefinition.OnHandlerError.self)
        let allowsConnect = reader.boolean(.connect)
        let (socketFile, socketOwner) = reader.socketFileOptions(listen: listen, context: context)
        reader.rejectShutdownWithoutTCP(listen: listen)
        guard let handler, let addresses = listen?.map(\.value), let first = addresses.first,
            Set(addresses).count == addresses.count
        else { return nil }
        let line = reader.position(.listen)?.line ?? 1
        return ServiceDefinition(
            name: name, description: description ?? "", isEnabled: isEnabled, listen: first,
            alsoListen: Array(addresses.dropFirst()), handler: handler, maxConnections: maxConnections,
            backlog: backlog ?? ServiceDefinition.defaultBacklog, onHandlerError: onHandlerError ?? .ignore,
            allowsConnect: allowsConnect ?? false, socketFile: socketFile, socketOwner: socketOwner,
            origin: ServiceDefinition.Origin(file: reader.source.path, line: line))
    }
}

extension TableReader<ServiceKey> {
    /// What the service is for: one line without control characters.
    fileprivate mutating func serviceDescription() -> String? {
        guard let text = string(.description) else { return nil }
        guard SafeText.escape(text.value) == text.value else {
            fail(text.position, "`description` has characters that do not print", expected: "one line of plain text")
            return nil
        }
        return text.value
    }

    /// Where the service listens; nil after an error if it says nowhere or something else than addresses.
    fileprivate mutating func listenAddresses() -> [Located<ListenAddress>]? {
        let expected = "an address such as 79, \"127.0.0.1:79\" or \"/run/x.sock\", or a list of them"
        guard let value = value(.listen) else {
            let position = position(.exec) ?? position(.builtin) ?? .start
            fail(position, "the service has no `listen`: it would serve nobody", expected: "listen = ADDRESS")
            return nil
        }
        var items = [value]
        if case .array(let list) = value.content { items = list }
        guard !items.isEmpty else {
            fail(value.position, "`listen` is an empty list: the service would serve nobody", expected: expected)
            return nil
        }
        var addresses: [Located<ListenAddress>] = []
        for item in items where !hasTooManyErrors {
            if let address = listenAddress(item, expected: expected) { addresses.append(address) }
        }
        return addresses
    }

    private mutating func listenAddress(_ item: TOMLValue, expected: String) -> Located<ListenAddress>? {
        let text: String
        switch item.content {
        case .string(let string): text = string
        case .integer(let port): text = "\(port)"
        default:
            wrongKind(.listen, item, expected: expected)
            return nil
        }
        do {
            return Located(value: try ListenAddress(parsing: text), position: item.position)
        } catch {
            let mistake = item.content == .string(text) ? error : .badPort(text)
            fail(item.position, mistake.message, expected: mistake.expected, suggestion: mistake.suggestion)
            return nil
        }
    }

    /// The mode and the owner of the socket files, and the owner's names.
    fileprivate mutating func socketFileOptions(
        listen: [Located<ListenAddress>]?, context: ConfigurationContext
    ) -> (SocketFileOptions, ServiceDefinition.SocketOwner) {
        if let listen, !listen.contains(where: { $0.value.isSocketFile }) {
            for key in ServiceKey.ofSocketFiles {
                guard let position = position(key) else { continue }
                fail(
                    position, "`\(key.rawValue)` has nothing to apply to: the service listens on no socket file",
                    expected: "a path in `listen`, or no `\(key.rawValue)`")
            }
        }
        let mode = permissions(.socketMode, example: ServiceKey.socketModeExample)
        let owner = socketOwner(context: context)
        let group = group(.socketGroup, context: context)
        return (
            SocketFileOptions(mode: mode ?? SocketFileOptions.defaultMode, user: owner?.uid, group: group?.gid),
            ServiceDefinition.SocketOwner(user: owner?.name, group: group?.name)
        )
    }

    /// Adds an error when `allow_shutdown` is said of a service that listens on Unix sockets only: the kernel ends no
    /// stream of theirs.
    fileprivate mutating func rejectShutdownWithoutTCP(listen: [Located<ListenAddress>]?) {
        guard let position = position(.allowShutdown), let listen, !listen.isEmpty,
            listen.allSatisfy({ $0.value.isUnix })
        else { return }
        fail(
            position, "`allow_shutdown` has nothing to apply to: the service listens on Unix sockets only",
            expected: "a port in `listen`, or no `allow_shutdown`")
    }

    private mutating func socketOwner(context: ConfigurationContext) -> NamedUser? {
        guard let user = user(.socketUser, context: context) else { return nil }
        guard context.isRoot || user.value.uid == context.uid else {
            fail(
                user.position, "only root can give a socket file to another user",
                expected: "no `socket_user`, or serverd started as root")
            return nil
        }
        return user.value
    }
}

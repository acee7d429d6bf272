// SPDX-License-Identifier: Apache-2.0
// A method call: read from a message by a server, written to one by a client.

/// How many replies a call asks for.
package enum CallMode: String, CaseIterable, Sendable {
    /// One reply.
    case once
    /// None, not even an error.
    case oneway
    /// Any number, the last of which says so.
    case more
    /// One, after which the connection is no longer Varlink.
    case upgrade
}

/// A call as a server received it.
package struct Call: Sendable {
    /// The method's full name: `interface.Method`.
    package let method: String
    /// How many replies it asks for.
    package let mode: CallMode
    /// The names of the parameters that were given.
    package let parameterNames: [String]
    // As text: a call may go on for long, and the places of its values would take more room than itself.
    private let message: [UInt8]

    /// Reads a call from a message without its NUL.
    package init(message: some Collection<UInt8>) throws(ProtocolViolation) {
        self.message = Array(message)
        let header: CallHeader = try readHeader(try JSONDocument(message: self.message))
        let unknown = header.keys.filter { !CallHeader.known.contains($0) && !$0.contains(".") }
        if let key = unknown.min() { throw .unknownKey(key) }
        guard header.modes.count <= 1 else { throw .contradictoryFlags }
        method = header.method
        mode = header.modes.first ?? .once
        parameterNames = header.parameterNames
    }

    /// What stands before the method name's last dot; empty if there is none.
    package var interface: Substring { method[..<(method.lastIndex(of: ".") ?? method.startIndex)] }

    /// What stands after the method name's last dot.
    package var name: Substring {
        guard let dot = method.lastIndex(of: ".") else { return method[...] }
        return method[method.index(after: dot)...]
    }

    /// The parameters.
    ///
    /// One that is missing, unknown or of the wrong type is an error that names it.
    package func parameters<Parameters: VarlinkObject>(
        as type: Parameters.Type = Parameters.self
    ) throws(VarlinkError) -> Parameters {
        let known = Parameters.fieldNames
        if let unknown = parameterNames.sorted().first(where: { !known.contains($0) }) {
            throw .invalidParameter(unknown)
        }
        do {
            return try readParameters(JSONDocument(message: message))
        } catch {
            let path = (error as? DecodingError)?.path ?? []
            throw .invalidParameter(path.first { $0 != "parameters" } ?? "parameters")
        }
    }

    /// The bytes of a call with its NUL, for a client to send.
    package static func encode<Parameters: VarlinkObject>(
        _ method: String, _ parameters: Parameters, mode: CallMode = .once
    ) -> [UInt8] {
        var envelope = CallEnvelope<Parameters>(method: method)
        if !Parameters.fieldNames.isEmpty { envelope.parameters = parameters }
        switch mode {
        case .once: break
        case .oneway: envelope.oneway = true
        case .more: envelope.more = true
        case .upgrade: envelope.upgrade = true
        }
        return JSONText.encode(envelope) + [0]
    }
}

/// The top level of a call, without the parameters' values.
private struct CallHeader: Decodable {
    static let known: Set<String> = ["method", "parameters", "oneway", "more", "upgrade"]
    let keys: [String]
    let method: String
    let modes: [CallMode]
    let parameterNames: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        keys = container.allKeys.map(\.stringValue)
        method = try container.decode(String.self, forKey: AnyKey("method"))
        modes = try [CallMode.oneway, .more, .upgrade].filter { mode in
            try container.decodeIfPresent(Bool.self, forKey: AnyKey(mode.rawValue)) ?? false
        }
        parameterNames = try container.namesOfParameters()
    }
}

/// A call as it is written.
private struct CallEnvelope<Parameters: Encodable>: Encodable {
    let method: String
    var parameters: Parameters?
    var oneway: Bool?
    var more: Bool?
    var upgrade: Bool?
}

// SPDX-License-Identifier: Apache-2.0
// A reply: written to a message by a server, read from one by a client.

/// A reply as a client received it.
package struct Reply: Sendable {
    /// Whether another reply to the same call follows.
    package let continues: Bool
    /// The error that the method replied with, in place of a result.
    package let error: VarlinkError?
    private let message: JSONDocument

    /// Reads a reply from a message without its NUL.
    package init(message: some Collection<UInt8>) throws(ProtocolViolation) {
        self.message = try JSONDocument(message: Array(message))
        let header: ReplyHeader = try readHeader(self.message)
        if let key = header.keys.filter({ !ReplyHeader.known.contains($0) }).min() { throw .unknownKey(key) }
        guard !(header.continues && header.error != nil) else { throw .errorContinues }
        continues = header.continues
        error = header.error
    }

    /// The result.
    ///
    /// Fields that the type does not know are ignored: interfaces grow by new fields.
    package func parameters<Parameters: VarlinkObject>(
        as type: Parameters.Type = Parameters.self
    ) throws(ProtocolViolation) -> Parameters {
        do throws(DecodingError) {
            return try readParameters(message)
        } catch {
            throw .badValue(key: error.path.joined(separator: "."))
        }
    }

    /// The bytes of a reply with its NUL.
    ///
    /// Only what is set is written: some clients take offence at anything else.
    package static func encode<Parameters: VarlinkObject>(
        _ parameters: Parameters, continues: Bool = false
    ) -> [UInt8] {
        let isEmpty = Parameters.fieldNames.isEmpty
        let envelope = ReplyEnvelope(parameters: isEmpty ? nil : parameters, continues: continues ? true : nil)
        return JSONText.encode(envelope) + [0]
    }

    /// The bytes of an error reply with its NUL.
    package static func encode(_ error: VarlinkError) -> [UInt8] {
        let fields = error.parameters.isEmpty ? nil : error.parameters
        return JSONText.encode(ReplyEnvelope(parameters: fields, error: error.name)) + [0]
    }
}

/// The top level of a reply, without the parameters' values unless they are an error's.
private struct ReplyHeader: Decodable {
    static let known: Set<String> = ["parameters", "continues", "error"]
    let keys: [String]
    let continues: Bool
    let error: VarlinkError?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        keys = container.allKeys.map(\.stringValue)
        continues = try container.decodeIfPresent(Bool.self, forKey: AnyKey("continues")) ?? false
        _ = try container.namesOfParameters()
        guard let name = try container.decodeIfPresent(String.self, forKey: AnyKey("error")) else {
            error = nil
            return
        }
        let fields = try container.decodeIfPresent([String: JSONValue].self, forKey: AnyKey("parameters"))
        error = VarlinkError(name, fields ?? [:])
    }
}

/// A reply as it is written.
private struct ReplyEnvelope<Parameters: Encodable>: Encodable {
    var parameters: Parameters?
    var continues: Bool?
    var error: String?
}

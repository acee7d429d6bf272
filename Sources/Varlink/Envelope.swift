// SPDX-License-Identifier: Apache-2.0
// The reading that calls and replies share: first the top level, then the parameters as the method's types.

/// Reads the top level of a message; whatever is wrong there is a violation.
func readHeader<Header: Decodable>(_ message: JSONDocument) throws(ProtocolViolation) -> Header {
    do throws(DecodingError) {
        return try JSONText.decode(Header.self, from: message)
    } catch {
        guard let key = error.path.first else { throw .notJSON(reason: error.reason) }
        throw .badValue(key: key)
    }
}

extension KeyedDecodingContainer<AnyKey> {
    /// The parameters' names.
    ///
    /// Absent, `null` and `{}` all mean that there are none.
    func namesOfParameters() throws -> [String] {
        let key = AnyKey("parameters")
        guard contains(key), try !decodeNil(forKey: key) else { return [] }
        return try nestedContainer(keyedBy: AnyKey.self, forKey: key).allKeys.map(\.stringValue)
    }
}

/// Reads the parameters of a message.
func readParameters<Parameters: Decodable>(_ message: JSONDocument) throws(DecodingError) -> Parameters {
    let envelope = try JSONText.decode(ParametersEnvelope<Parameters>.self, from: message)
    if let parameters = envelope.parameters { return parameters }
    // Where all fields are optional, none at all will do.
    return try JSONText.decode(Parameters.self, from: Array("{}".utf8))
}

private struct ParametersEnvelope<Parameters: Decodable>: Decodable {
    let parameters: Parameters?
}

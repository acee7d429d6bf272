// SPDX-License-Identifier: Apache-2.0
// The ways in which a peer can break the Varlink protocol, as values.

/// What a peer did that the protocol does not allow.
///
/// There is no answer to it: the connection is closed.
package enum ProtocolViolation: Error, Hashable, Sendable {
    /// A message has more than `limit` bytes before its NUL.
    case messageTooLong(limit: Int)
    /// A message is not UTF-8.
    case notUTF8
    /// A message is not a JSON object.
    case notAnObject
    /// A message nests objects and arrays more than `limit` deep.
    case nestedTooDeeply(limit: Int)
    /// A message is not JSON.
    case notJSON(reason: String)
    /// An object in a message has the same key twice.
    case duplicateKey
    /// A message has a top-level key that the protocol does not know.
    case unknownKey(String)
    /// A top-level key is missing, or its value has the wrong type.
    case badValue(key: String)
    /// A call asks for more than one of `oneway`, `more` and `upgrade`.
    case contradictoryFlags
    /// A reply has both `error` and `continues`.
    case errorContinues
    /// A reply came that no call is waiting for.
    case unexpectedReply
    /// A reply promises more replies to a call that asked for one.
    case unwantedContinuation
}

extension ProtocolViolation: CustomStringConvertible {
    /// What is wrong, as the second half of a sentence that began with what was being received.
    package var description: String {
        switch self {
        case .messageTooLong(let limit): "the message is longer than \(limit) bytes"
        case .notUTF8: "the message is not UTF-8"
        case .notAnObject: "the message is not a JSON object"
        case .nestedTooDeeply(let limit): "the message nests deeper than \(limit) levels"
        case .notJSON(let reason): "the message is not JSON: \(reason)"
        case .duplicateKey: "a key appears twice in the message"
        case .unknownKey(let key): "the message has the unknown key \"\(key)\""
        case .badValue(let key): "\"\(key)\" is missing or of the wrong type"
        case .contradictoryFlags: "\"oneway\", \"more\" and \"upgrade\" exclude each other"
        case .errorContinues: "a reply has both \"error\" and \"continues\""
        case .unexpectedReply: "a reply came without a call"
        case .unwantedContinuation: "the reply continues, though one reply was asked for"
        }
    }
}

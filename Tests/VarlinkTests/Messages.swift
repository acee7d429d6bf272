// SPDX-License-Identifier: Apache-2.0
// What the tests of this suite share: messages as text, and a reproducible source of chance.

internal import Varlink

/// The bytes of a message with its NUL.
func message(_ json: String) -> [UInt8] { Array(json.utf8) + [0] }

/// A message's bytes as text, its NUL shown as `␀`.
func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).split(separator: "\0", omittingEmptySubsequences: false).joined(
        separator: "␀")
}

/// All calls in `bytes`.
func calls(in bytes: [UInt8]) throws(ProtocolViolation) -> [Call] {
    var session = ServerSession()
    session.receive(bytes)
    var calls: [Call] = []
    while let call = try session.nextCall() { calls.append(call) }
    return calls
}

/// The only call in a message.
func call(_ json: String) throws(ProtocolViolation) -> Call { try Call(message: Array(json.utf8)) }

/// SplitMix64: the same numbers for the same seed.
struct Chance: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// Parameters of every kind.
struct Sample: VarlinkObject, Hashable {
    var text: String?
    var number: Int64?
    var list: [String]?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case text, number, list
    }
}

/// Parameters that must be given.
struct Name: VarlinkObject, Hashable {
    var name: String

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name
    }
}

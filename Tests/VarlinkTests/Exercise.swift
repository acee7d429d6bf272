// SPDX-License-Identifier: Apache-2.0
// What is promised of any bytes that a peer may send, checked for some: by the tests, and by the fuzzer.

internal import Varlink

/// What a stream of bytes was to one end of a connection.
private struct Outcome: Equatable {
    /// The messages that were taken, written again.
    var messages: [[UInt8]] = []
    /// Why the connection would be closed.
    var violation: ProtocolViolation?
    /// What was left.
    var rest: [UInt8] = []
}

/// Gives `bytes` to both ends of a connection, and to the parsers of single messages.
///
/// - Returns: a promise that was not kept; `nil` if all were.
func brokenPromise(for bytes: [UInt8]) -> String? {
    let size = Int(bytes.first ?? 0) % 17 + 1
    let whole = received(bytes, inPiecesOf: max(1, bytes.count))
    if received(bytes, inPiecesOf: size) != whole { return "fragments of \(size) bytes are not the whole" }
    if replies(bytes, inPiecesOf: size) != replies(bytes, inPiecesOf: max(1, bytes.count)) {
        return "replies in fragments of \(size) bytes are not the whole"
    }
    if whole.violation == nil, !bytes.reversed().starts(with: whole.rest.reversed()) {
        return "what is not consumed is not the end of what came"
    }
    if let violation = whole.violation, violation.description.isEmpty { return "a violation without a description" }
    for message in bytes.split(separator: 0, omittingEmptySubsequences: false) {
        if let broken = brokenPromise(forCall: message) ?? brokenPromise(forReply: message) { return broken }
    }
    return nil
}

/// What a server makes of a stream that comes in pieces.
private func received(_ bytes: [UInt8], inPiecesOf size: Int) -> Outcome {
    var session = ServerSession()
    var outcome = Outcome()
    do throws(ProtocolViolation) {
        for start in stride(from: 0, to: bytes.count, by: size) {
            session.receive(bytes[start..<min(start + size, bytes.count)])
            while let call = try session.nextCall() {
                outcome.messages.append(Call.encode(call.method, NoFields(), mode: call.mode))
            }
        }
        outcome.rest = Array(session.unconsumed)
    } catch {
        outcome.violation = error
    }
    return outcome
}

/// What a client makes of a stream that comes in pieces.
private func replies(_ bytes: [UInt8], inPiecesOf size: Int) -> Outcome {
    var session = ClientSession()
    for mode in [CallMode.more, .once, .upgrade] { _ = session.call("a.b.C", NoFields(), mode: mode) }
    var outcome = Outcome()
    do throws(ProtocolViolation) {
        for start in stride(from: 0, to: bytes.count, by: size) {
            session.receive(bytes[start..<min(start + size, bytes.count)])
            while let reply = try session.nextReply() {
                outcome.messages.append(
                    reply.error.map { Reply.encode($0) } ?? Reply.encode(NoFields(), continues: reply.continues))
            }
        }
        outcome.rest = Array(session.unconsumed)
    } catch {
        outcome.violation = error
    }
    return outcome
}

private func brokenPromise(forCall message: ArraySlice<UInt8>) -> String? {
    guard let call = try? Call(message: message) else { return nil }
    if call.interface.isEmpty != !call.method.dropFirst().contains(".") { return "a method without an interface" }
    do throws(VarlinkError) {
        let parameters = try call.parameters(as: Sample.self)
        let written = Call.encode(call.method, parameters, mode: call.mode)
        guard written.firstIndex(of: 0) == written.count - 1 else { return "a NUL inside a message" }
        guard let again = try? Call(message: written.dropLast()) else { return "a call that was written is not read" }
        let readAgain = try again.parameters(as: Sample.self)
        return readAgain == parameters && again.method == call.method && again.mode == call.mode
            ? nil : "a call is not read as what it was written"
    } catch {
        return error.name == VarlinkError.invalidParameter("").name ? nil : "parameters fail by \(error.name)"
    }
}

private func brokenPromise(forReply message: ArraySlice<UInt8>) -> String? {
    guard let reply = try? Reply(message: message) else { return nil }
    if reply.continues, reply.error != nil { return "an error that continues" }
    guard let error = reply.error else {
        _ = try? reply.parameters(as: Sample.self)
        return nil
    }
    guard let again = try? Reply(message: Reply.encode(error).dropLast()) else {
        return "an error that was written is not read"
    }
    return again.error == error ? nil : "an error is not read as what it was written"
}

// SPDX-License-Identifier: Apache-2.0
// Runs a client program to its end and keeps what it said.

import Foundation

/// What a program that ran to its end left.
struct RunResult: Sendable {
    let exitCode: CInt
    let output: String
    let errors: String
}

/// Runs `command` (an absolute path first) to its end.
@discardableResult
func run(
    _ command: [String], environment: [String: String] = [:], input: ChildProcess.Stream = .null,
    seconds: TimeInterval = patience
) throws -> RunResult {
    let directory = try TemporaryDirectory()
    let (output, errors) = (directory.path("output"), directory.path("errors"))
    let all = ChildProcess.environment.merging(environment) { $1 }
    let child = try ChildProcess(
        command, environment: all, input: input, output: .file(output), errors: .file(errors))
    defer { child.end() }
    let code = try child.wait(seconds: seconds)
    return RunResult(exitCode: code, output: readText(output), errors: readText(errors))
}

/// Runs `command` and throws, with what it said, unless it ends with 0.
@discardableResult
func succeed(
    _ command: [String], environment: [String: String] = [:], input: ChildProcess.Stream = .null,
    seconds: TimeInterval = patience
) throws -> String {
    let result = try run(command, environment: environment, input: input, seconds: seconds)
    guard result.exitCode == 0 else {
        throw TestFailure(
            "\(command.joined(separator: " ")) ended with \(result.exitCode): \(result.errors)\(result.output)")
    }
    return result.output
}

/// Tries `condition` until it holds; one that throws does not hold yet.
///
/// For the state of another process, which nothing announces.
func eventually(_ what: String, seconds: TimeInterval = patience, _ condition: () throws -> Bool) throws {
    let deadline = Date() + seconds
    while true {
        var reason = ""
        do { if try condition() { return } } catch { reason = ": \(error)" }
        guard Date() < deadline else { throw TestFailure("did not happen within \(seconds) s: \(what)\(reason)") }
        // Paces the attempts; no result depends on how long this is.
        poll(nil, 0, 10)
    }
}

/// The text of a file; empty if there is none.
///
/// Bytes that are no UTF-8 become U+FFFD.
func readText(_ path: String) -> String {
    String(decoding: readBytes(path), as: UTF8.self)
}

/// The bytes of a file; none if there is no file.
func readBytes(_ path: String) -> Data {
    FileManager.default.contents(atPath: path) ?? Data()
}

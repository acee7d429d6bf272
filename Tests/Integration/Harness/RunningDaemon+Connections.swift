// SPDX-License-Identifier: Apache-2.0
// What `serverctl connections --json` prints, as far as the tests look at it, and other ways to run serverctl.

import Foundation

/// The connections at one moment.
struct ConnectionList: Decodable, Sendable {
    struct Connection: Decodable, Sendable {
        let id: UInt64
        let service: String
        let transport: String
        let peer: String
        let state: String
        let pid: Int32?
    }

    let connections: [Connection]
}

extension RunningDaemon {
    /// The connections that hold for these conditions, as serverctl has them.
    func connections(_ conditions: String...) throws -> [ConnectionList.Connection] {
        let words = ["connections", "--json=short"] + conditions
        let output = try succeed([Programs.serverctl, "--admin-socket", adminSocket] + words)
        return try JSONDecoder().decode(ConnectionList.self, from: Data(output.utf8)).connections
    }

    /// Runs serverctl with this text as its standard input.
    func serverctl(_ words: String..., input: String) throws -> RunResult {
        let file = try directory.write(input, to: "input")
        return try run([Programs.serverctl, "--admin-socket", adminSocket] + words, input: .file(file))
    }

    /// Starts serverctl, whose output goes to a file, and goes on.
    func start(
        _ words: String..., input: ChildProcess.Stream = .null, output: String
    ) throws -> ChildProcess {
        try ChildProcess(
            [Programs.serverctl, "--admin-socket", adminSocket] + words, input: input, output: .file(output))
    }
}

extension Client {
    /// A client who has been served: it has got back what it said.
    convenience init(echoedBy endpoint: Endpoint, _ text: String = "hello\n") throws {
        try self.init(endpoint)
        try send(text)
        let answer = try receive(text.utf8.count)
        guard answer == text else { throw TestFailure("the service answered \(answer)") }
    }
}

// SPDX-License-Identifier: Apache-2.0
// What `serverctl status --json` prints, as far as the tests look at it.

import Foundation

/// The daemon and its services at one moment.
struct DaemonStatus: Decodable, Sendable {
    struct Service: Decodable, Sendable {
        let name: String
        let state: String
        let addresses: [String]
        let connections: Int
        let connectionLimit: Int
        let connectionsAccepted: Int
        let handlerFailures: Int
        let failure: String?
        let lastError: String?
    }

    struct Daemon: Decodable, Sendable {
        let version: String
        let pid: Int32
        let images: Int
        let startTimestamp: Int64
        let reexecFailure: String?
    }

    let daemon: Daemon
    let services: [Service]

    /// The service of this name.
    func service(_ name: String) throws -> Service {
        guard let found = services.first(where: { $0.name == name }) else {
            throw TestFailure("status shows no service \(name), only \(services.map(\.name))")
        }
        return found
    }
}

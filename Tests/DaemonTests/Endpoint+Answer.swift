// SPDX-License-Identifier: Apache-2.0
// What a service says to one client from its connection to the end, for tests that want to know nothing else.

import TestSupport

extension Endpoint {
    /// All that a new client, who sends nothing, is sent until the end of its connection.
    func answer(_ services: Services) async throws -> [UInt8] { try await connect(services).answer() }

    /// All that a new client, who sends this line, is sent until the end of its connection.
    func answer(_ services: Services, sending line: String) async throws -> [UInt8] {
        try await connect(services, sending: line).answer()
    }
}

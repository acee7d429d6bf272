// SPDX-License-Identifier: Apache-2.0
// What a running service has that a configuration does not say, and a reload may take away.

internal import SocketServer

/// What a running service has that the configuration does not say.
struct RunningService: Equatable {
    /// The ids of its connections.
    var connections: [UInt64] = []
    /// Whether it is to listen.
    var isOpen = true
    /// The limit that an operator has set, if one has.
    var operatorLimit: Int?
}

extension RunningService {
    /// What `service` has at this moment.
    init(_ service: isolated Service) {
        self.init(
            connections: service.connectionIDs, isOpen: service.phase.isOpen,
            operatorLimit: service.isLimitedByOperator ? service.limit.maximum : nil)
    }
}

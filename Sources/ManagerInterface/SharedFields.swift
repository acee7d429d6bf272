// SPDX-License-Identifier: Apache-2.0
// Parameters and replies that several methods of `io.serverd.Manager` share.

internal import Varlink

/// The parameters of a method that is about one service.
package struct ServiceParameters: VarlinkObject, Hashable {
    /// Its name.
    package var service: String

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case service
    }

    /// A value from its fields.
    package init(service: String) {
        self.service = service
    }
}

/// The reply of a method that changes a service.
package struct ServiceReply: VarlinkObject, Hashable {
    /// What it is doing now.
    package var service: ServiceStatus

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case service
    }

    /// A value from its fields.
    package init(service: ServiceStatus) {
        self.service = service
    }
}

/// The reply of a method that closes something.
package struct ProgressReply: VarlinkObject, Hashable {
    /// How far it has come.
    package var progress: ClosingProgress

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case progress
    }

    /// A value from its fields.
    package init(progress: ClosingProgress) {
        self.progress = progress
    }
}

// SPDX-License-Identifier: Apache-2.0
// What a reload does about one address of a service that goes on or begins: pure.

internal import ServiceConfig

/// What a reload does about an address of a service.
struct ListenerPlan: Equatable, Sendable {
    /// The address.
    let address: ListenAddress
    /// Whether the service gives it up, with the listener that it has there.
    let isGivenUp: Bool
    /// Whether the service begins to listen there.
    let isOpened: Bool
    /// Who has to have closed the address before: the service itself, and others; those who did not have it do not count.
    let after: [ListenerReference]

    /// What `change` asks of `service`.
    ///
    /// One that is new or closed listens nowhere: even an address that stays has to be opened.
    init(_ change: ListenerChange, of service: ServiceName, listens: Bool) {
        address = change.address
        let own = ListenerReference(service: service, address: change.address)
        switch change.action {
        case .keep: (isGivenUp, isOpened, after) = (!listens, !listens, [own])
        case .replace: (isGivenUp, isOpened, after) = (true, true, [own])
        case .close: (isGivenUp, isOpened, after) = (true, false, [])
        case .open(let others): (isGivenUp, isOpened, after) = (false, true, [own] + others)
        }
    }
}

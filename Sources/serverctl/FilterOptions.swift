// SPDX-License-Identifier: Apache-2.0
// The options that choose connections, for the verbs `connections` and `close`.

internal import ArgumentParser
internal import ManagerInterface

/// Which connections are meant: those that all given conditions hold for.
struct FilterOptions: ParsableArguments {
    @Option(help: "Only connections of this service.", completion: .services)
    var service: String?

    @Option(
        help: ArgumentHelp(
            "Only connections whose peer's address lies in this network, such as 192.0.2.0/24.", valueName: "cidr"))
    var peer: String?

    @Option(help: ArgumentHelp("Only connections that have been open for at least so long.", valueName: "duration"))
    var olderThan: DurationArgument?

    @Option(help: "Only connections that are doing this.")
    var state: ConnectionState?

    /// The filter; `nil` if there is no condition.
    var filter: ConnectionFilter? {
        let filter = ConnectionFilter(
            service: service, peer: peer, olderThan: olderThan?.microseconds, state: state)
        return filter == ConnectionFilter() ? nil : filter
    }
}

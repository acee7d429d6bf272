// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl plan`.

internal import ArgumentParser
internal import ManagerInterface

/// Shows what a reload would change, without making it.
struct Plan: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what a reload would change and whom it would drop, without making it.",
        discussion: """
            Exit status: 0 the configuration is right; 1 it is not, or failed; 2 wrong usage; 4 not permitted, or no \
            daemon.
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions
    @ParentCommand var parent: Serverctl

    /// Asks the daemon and prints what it says.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var client = try client(context)
        let reply = try read(by: Manager.Plan.self, &client, to: "plan a reload", output, context)
        let isAnyoneDropped = reply.changes.services.contains { !$0.dropped.isEmpty }
        let peers = output.json == .off && isAnyoneDropped ? try peers(&client) : [:]
        output.print(reply, context) {
            ChangesText(
                changes: reply.changes, peers: peers, style: Style(colour: context.mayColour),
                legend: !output.noLegend
            ).text
        }
        return .done
    }

    private func peers(_ client: inout ManagerClient) throws(Failure) -> [UInt64: String] {
        let connections = try client.allConnections(usage: false)
        return Dictionary(connections.map { ($0.id, ConnectionText.peer($0)) }) { _, last in last }
    }
}

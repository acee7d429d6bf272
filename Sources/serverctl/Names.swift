// SPDX-License-Identifier: Apache-2.0
// The hidden verb `serverctl names`, which completions ask for live names.

internal import ArgumentParser
internal import ManagerInterface

/// Prints the names that a completion offers, one a line.
struct Names: DaemonVerb {
    /// What is completed.
    enum Kind: String, CaseIterable, ExpressibleByArgument {
        case services, connections, all
    }

    static let configuration = CommandConfiguration(
        commandName: "names", abstract: "Prints the names that completions offer.", shouldDisplay: false)

    @OptionGroup var daemon: DaemonOptions

    @Argument(help: "What is completed.")
    var kind: Kind

    @ParentCommand var parent: Serverctl

    /// Asks the daemon and prints what there is.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        var names: [String] = []
        if kind != .connections {
            var client = try client(context)
            names += try client.allServices().map(\.name).filter(Self.isHarmless)
        }
        if kind != .services {
            var client = try client(context)
            names += try client.allConnections(usage: false).map { "\($0.id)" }
        }
        context.print(names.map { $0 + "\n" }.joined())
        return .done
    }

    /// Whether a name is one that a service can have: a shell would expand others.
    private static func isHarmless(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-.@".unicodeScalars.contains($0))
            }
    }
}

// SPDX-License-Identifier: Apache-2.0
// A test's own trees of configuration, and short ways to load what lies there.

import Foundation
import Policy

@testable import Daemon
@testable import ServiceConfig

/// A suite that loads the configuration from a temporary directory.
protocol ConfigurationLoading {
    /// The directory.
    var tree: TemporaryTree { get }
}

extension ConfigurationLoading {
    /// The text of a service that listens on this port.
    func echo(_ port: Int) -> String { "listen = \(port)\nbuiltin = \"echo\"\n" }

    /// Loads the configuration as this process is.
    func load(_ location: ConfigurationLocation) throws(ConfigErrors) -> Configuration {
        try loadConfiguration(from: location, context: .current())
    }

    /// The three trees of the standard search in the temporary directory.
    var trees: ConfigurationLocation { .trees(["etc", "run", "usr"].map { "\(tree.path)/\($0)" }) }

    /// The ports of the services by name, such as `a:1`.
    func services(_ location: ConfigurationLocation) throws -> [String] {
        try load(location).services.map { "\($0.name):\($0.listen[0])" }
    }

    /// The rendered errors, without the temporary directory's name.
    func errors(_ location: ConfigurationLocation) -> String {
        do {
            _ = try load(location)
            return ""
        } catch {
            return error.description.replacing(tree.path + "/", with: "")
        }
    }
}

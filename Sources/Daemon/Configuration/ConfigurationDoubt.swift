// SPDX-License-Identifier: Apache-2.0
// What is doubtful in a valid configuration as a whole: told by `serverd --check`, and in the log when serverd starts or reloads.

package import Logging
internal import ServiceConfig

/// Something that may be a mistake, though serverd can run with it.
package enum ConfigurationDoubt: Equatable, Sendable {
    /// There is no enabled service; files of services were looked for in these directories.
    case nothingToServe(searched: [String])
    /// The services together may have more connections than serverd may open descriptors.
    case shortage(connections: Int, descriptors: Int)
    /// This file beside those of services is none of them, because of its name.
    case ignoredFile(String)

    /// The doubt in a sentence, for a person.
    var text: String {
        switch self {
        case .nothingToServe(let searched):
            "no service is enabled: serverd will listen on nothing; files of services are looked for as "
                + searched.map { "\($0)/NAME.toml" }.joined(separator: ", ")
        case .shortage(let connections, let descriptors):
            "the services may have \(connections) connections together (max_connections), but serverd may open only "
                + "\(descriptors) descriptors; raise that limit (LimitNOFILE=), or lower max_connections"
        case .ignoredFile(let path): "\(path) is ignored: the name of a service's file ends in .toml"
        }
    }

    /// Writes it into the log.
    package func log(to logger: Logger) {
        switch self {
        case .nothingToServe(let searched):
            logger.warning(
                "no service is enabled: nothing is listened on",
                metadata: ["searched": .string(searched.joined(separator: " "))])
        case .shortage(let connections, let descriptors):
            logger.warning(
                "the services may have more connections than serverd may open descriptors; raise LimitNOFILE, or lower max_connections",
                metadata: [
                    "max_connections": .stringConvertible(connections), "limit": .stringConvertible(descriptors),
                ])
        case .ignoredFile(let path):
            logger.warning(
                "a file in services.d is ignored: the name of a service's file ends in .toml",
                metadata: ["path": .string(path)])
        }
    }
}

extension Configuration {
    /// The doubts about the configuration that was found at `location`.
    ///
    /// It looks at the file system, which may block.
    package func doubts(at location: ConfigurationLocation) -> [ConfigurationDoubt] {
        let directories = location.serviceDirectories
        var doubts = ServiceFiles.ignored(in: directories).map { ConfigurationDoubt.ignoredFile($0) }
        if !services.contains(where: \.isEnabled) { doubts.append(.nothingToServe(searched: directories)) }
        if let shortage = descriptorShortage(limit: ProcessEnvironment.descriptorLimit) { doubts.append(shortage) }
        return doubts
    }

    /// Whether the limits of the services together allow more connections than there are descriptors; nil when they do
    /// not.
    ///
    /// Each connection takes one: its socket, or its program's pidfd once the socket is given away. Services that say
    /// nothing of their limit are not counted: theirs goes by the descriptors.
    func descriptorShortage(limit: Int) -> ConfigurationDoubt? {
        let connections = services.filter(\.isEnabled).compactMap(\.maxConnections).reduce(0, +)
        return connections > limit ? .shortage(connections: connections, descriptors: limit) : nil
    }
}

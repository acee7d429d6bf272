// SPDX-License-Identifier: Apache-2.0
// What serves the connections of a service that begin now: its program, or the daemon itself.

internal import Logging
internal import ServiceConfig

/// What serves a service's connections.
enum Handling: Sendable {
    case program(ServiceProgram)
    case builtIn(BuiltInService)

    /// What `definition` asks for.
    ///
    /// - Throws: when a command is one that no kernel takes, or there are no descriptors left.
    init(_ definition: ServiceDefinition, _ context: ServiceContext, logger: Logger) throws {
        switch definition.handler {
        case .program(let program):
            self = .program(try ServiceProgram(program, of: definition.name, context, logger: logger))
        case .builtIn(let builtIn):
            self = .builtIn(builtIn)
        }
    }

    /// The program, if it is one.
    var program: ServiceProgram? {
        if case .program(let program) = self { program } else { nil }
    }

    /// Whether it is the daemon itself.
    var isBuiltIn: Bool { program == nil }
}

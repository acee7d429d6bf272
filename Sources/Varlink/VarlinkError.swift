// SPDX-License-Identifier: Apache-2.0
// The error with which a method replies, and those that every service may reply with.

/// An error that an interface declares, as it is sent in place of a reply.
package struct VarlinkError: Error, Hashable, Sendable {
    /// The full name, as `org.varlink.service.MethodNotFound`.
    package var name: String
    /// The error's fields.
    package var parameters: [String: JSONValue]

    /// An error from its name and its fields.
    package init(_ name: String, _ parameters: [String: JSONValue] = [:]) {
        self.name = name
        self.parameters = parameters
    }

    /// There is no such interface to describe.
    package static func interfaceNotFound(_ interface: String) -> VarlinkError {
        VarlinkError("\(serviceInterfaceName).InterfaceNotFound", ["interface": .string(interface)])
    }

    /// There is no such method, or no such interface.
    package static func methodNotFound(_ method: String) -> VarlinkError {
        VarlinkError("\(serviceInterfaceName).MethodNotFound", ["method": .string(method)])
    }

    /// The method is described, but cannot be called, or not in the way it was.
    package static func methodNotImplemented(_ method: String) -> VarlinkError {
        VarlinkError("\(serviceInterfaceName).MethodNotImplemented", ["method": .string(method)])
    }

    /// A parameter is missing, unknown, or not what the method takes.
    package static func invalidParameter(_ parameter: String) -> VarlinkError {
        VarlinkError("\(serviceInterfaceName).InvalidParameter", ["parameter": .string(parameter)])
    }

    /// The caller may not call this method.
    package static let permissionDenied = VarlinkError("\(serviceInterfaceName).PermissionDenied")

    /// The method replies more than once, and must be called with `more`.
    package static let expectedMore = VarlinkError("\(serviceInterfaceName).ExpectedMore")

    /// The method upgrades the connection, and must be called with `upgrade`.
    package static let expectedUpgrade = VarlinkError("\(serviceInterfaceName).ExpectedUpgrade")
}

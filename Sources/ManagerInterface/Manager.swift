// SPDX-License-Identifier: Apache-2.0
// The interface `io.serverd.Manager`: its name, its description, and what its methods and errors have in common.

package import Varlink

/// The interface through which serverd is looked at and operated.
///
/// Its description is the file `io.serverd.Manager.varlink` beside this one. For each declaration there is a type of
/// the same name: the description's types stand by themselves, its methods and errors are members of this one.
package enum Manager {
    /// The interface's name.
    package static let interfaceName = "io.serverd.Manager"
    /// Where the daemon listens for it, unless told otherwise.
    package static let defaultSocketPath = "/run/serverd/io.serverd.Manager"

    /// The interface's description: what any client is told, and what this module's types mirror.
    package static let interfaceDescription = String(
        decoding: PackageResources.io_serverd_Manager_varlink, as: UTF8.self)

    /// All methods, in the order of the description.
    package static let methods: [any ManagerMethod.Type] = [
        GetStatus.self, ListServices.self, DescribeService.self, ListConnections.self,
        DescribeConnection.self, Subscribe.self, CloseService.self, OpenService.self,
        OpenServices.self, SuspendService.self, ResumeService.self, CloseConnection.self, CloseConnections.self,
        Drain.self, SetLimit.self, Reload.self, Plan.self, Reexec.self, Connect.self,
    ]

    /// What a caller needs for each method, who is not root.
    package static let permissions = Dictionary(uniqueKeysWithValues: methods.map { ($0.name, $0.permission) })
}

/// What a caller may be allowed to do.
package enum Permission: String, Codable, CaseIterable, Sendable {
    /// To look.
    case read
    /// To change something.
    case operate
    /// To Connect.
    case connect
}

/// A method of `io.serverd.Manager`.
package protocol ManagerMethod: VarlinkMethod {
    /// What a caller needs who is not root.
    static var permission: Permission { get }
}

extension ManagerMethod {
    /// The method's name inside the interface: that of its type.
    package static var name: String { "\(Self.self)" }
    /// The name of the interface.
    package static var interface: String { Manager.interfaceName }
}

/// An error of `io.serverd.Manager`.
package protocol ManagerError: DeclaredError {}

extension ManagerError {
    /// The error's name with that of the interface.
    package static var fullName: String { "\(Manager.interfaceName).\(Self.self)" }
}

/// The method by the name that it has without its interface.
package typealias GetStatus = Manager.GetStatus

extension VarlinkError {
    /// The name of the error that ``noSuchService(_:nearest:)`` makes.
    package static let noSuchServiceName = Manager.NoSuchService.fullName

    /// No service is called `service`; `nearest` is the name that was perhaps meant.
    package static func noSuchService(_ service: String, nearest: String?) -> VarlinkError {
        VarlinkError(Manager.NoSuchService(service: service, nearest: nearest))
    }
}

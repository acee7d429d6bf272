// SPDX-License-Identifier: Apache-2.0
// The daemon's control groups: the subtree that was delegated to it, and what of it can be used.

internal import Descriptors
package import Policy
internal import SystemPackage

/// The daemon's control groups.
///
/// ```
/// serverd.service/          delegated to us; no process in it
///     supervisor/           the daemon
///     svc-NAME/shared/      the programs of a service
///     svc-NAME/conn-ID/     the program of one connection, where the service limits each
/// ```
///
/// Only on the loop, once there is one.
// Safe: used only on the loop's thread.
package final class ControlGroups: @unchecked Sendable {
    static let subtreeControl = "cgroup.subtree_control"
    static let servicePrefix = "svc-"

    private let root: ControlGroupFolder?
    /// Why there are none; `nil` when there are.
    package let obstacle: String?
    private var services: [String: ServiceGroup] = [:]
    private var enabled: Set<ControlGroupController> = []

    init(_ root: ControlGroupFolder?, obstacle: String?) {
        self.root = root
        self.obstacle = obstacle
    }

    /// No control groups, for this reason: what has to be ended is ended by its process group.
    package static func none(because reason: String) -> ControlGroups { ControlGroups(nil, obstacle: reason) }

    /// Takes over the subtree that was delegated to this process, and moves the process into a group of its own in it.
    ///
    /// Before any program begins.
    package static func ofThisProcess() -> ControlGroups {
        guard let location = ControlGroupLocation.ofThisProcess() else {
            return none(because: "there is no unified control group hierarchy (cgroup v2)")
        }
        guard let path = delegatedPath(location) else {
            return none(because: "\(location.path) is not delegated to serverd (systemd: Delegate=yes)")
        }
        return takeOver(path)
    }

    /// The subtree at a location, or around it, that was delegated; `nil` when none was.
    static func delegatedPath(_ location: ControlGroupLocation? = .ofThisProcess()) -> String? {
        location?.candidates.first { ControlGroupFolder($0).isDelegated }
    }

    /// Takes over the subtree at `path`, as ``ofThisProcess()`` does.
    package static func takeOver(_ path: String) -> ControlGroups {
        let root = ControlGroupFolder(path)
        do throws(Errno) {
            let supervisor = root.folder(ControlGroupLocation.supervisor)
            try supervisor.makeIfMissing()
            // 0 is whoever writes it.
            try supervisor.write("0", to: "cgroup.procs")
        } catch {
            return none(because: "cannot move into \(path)/\(ControlGroupLocation.supervisor): \(error.textWithName)")
        }
        // What a daemon before us has left, unless somebody lives there.
        for name in root.names where name.hasPrefix(servicePrefix) { _ = root.folder(name).remove() }
        return ControlGroups(root, obstacle: nil)
    }

    /// Ends every program that a daemon before us has left: nobody knows what they serve.
    ///
    /// Before any program begins.
    package func endStrangers() {
        for name in root?.names ?? [] where name.hasPrefix(Self.servicePrefix) { root?.folder(name).kill() }
    }

    /// Whether a service's programs can be kept in groups.
    package var areUsed: Bool { root != nil }

    /// The group of a service, for one more of its programs; `nil` when there are no groups.
    package func service(_ name: String) -> ServiceGroup? {
        guard let root else { return nil }
        let group = services[name] ?? ServiceGroup(name, in: self, at: root.folder(Self.servicePrefix + name))
        services[name] = group
        group.retain()
        return group
    }

    /// Nobody uses the group of this service any more.
    func forget(_ name: String) { services[name] = nil }

    /// Whether groups below can be limited by `controller`.
    func isEnabled(_ controller: ControlGroupController) -> Bool { enabled.contains(controller) }

    /// Makes `limits` possible.
    ///
    /// Not before it is needed: systemd 252 cannot start a unit again below which a controller is enabled.
    /// - Returns: why some cannot be kept; `nil` when all can.
    package func enable(_ limits: ResourceLimits) -> String? {
        guard let root else { return obstacle }
        let failures = limits.controllers.compactMap { controller -> String? in
            guard !enabled.contains(controller) else { return nil }
            do throws(Errno) {
                try root.write("+\(controller.rawValue)", to: Self.subtreeControl)
                enabled.insert(controller)
                return nil
            } catch {
                return "the controller \(controller.rawValue) cannot be enabled in \(root.path): \(error.textWithName)"
            }
        }
        return failures.isEmpty ? nil : failures.joined(separator: "; ")
    }
}

// SPDX-License-Identifier: Apache-2.0
// What is done to the control groups when the daemon is gone, however it went: by a process that the unit starts then.

internal import SystemPackage

extension ControlGroups {
    /// How many levels below a service's group are looked at.
    private static let deepest = 16

    /// Makes the delegated subtree of this process fit for the next daemon.
    ///
    /// Controllers are disabled, from the bottom up: systemd 252 cannot start a unit again below which one is enabled
    /// while programs live there. With `ending`, every program that is left is ended first: nobody will look after it.
    ///
    /// Not by the daemon itself, which may be the one that has to be ended.
    package static func clearAfterStop(ending: Bool) {
        guard let path = delegatedPath() else { return }
        let root = ControlGroupFolder(path)
        let groups = root.names.filter { $0 == ControlGroupLocation.supervisor || $0.hasPrefix(servicePrefix) }
        for group in groups.map(root.folder) {
            if ending { group.kill() }
            disableControllers(of: group, depth: 0)
        }
        disableControllers(of: root)
    }

    // A program may have made groups of its own.
    private static func disableControllers(of group: ControlGroupFolder, depth: Int) {
        if depth < deepest { for name in group.names { disableControllers(of: group.folder(name), depth: depth + 1) } }
        disableControllers(of: group)
    }

    private static func disableControllers(of group: ControlGroupFolder) {
        let enabled = (group.read(subtreeControl) ?? "").split(whereSeparator: \.isWhitespace)
        for controller in enabled { try? group.write("-\(controller)", to: subtreeControl) }
    }
}

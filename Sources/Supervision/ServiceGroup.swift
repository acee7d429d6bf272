// SPDX-License-Identifier: Apache-2.0
// The control group of one service: one for all its programs, or one for each connection in it.

internal import Descriptors
internal import Glibc
package import Policy
internal import SystemPackage

/// The control group of one service, which those share that have its name.
///
/// In it is one group for all connections that ask for none of their own, `shared` (`shared-2` beside one that cannot be
/// used any more), and one for each that does, `conn-ID`: the kernel wants processes in the leaves only. They are made
/// when the first program begins. Only on the loop.
// Safe: used only on the loop's thread.
package final class ServiceGroup: @unchecked Sendable {
    private static let shared = "shared"

    private let folder: ControlGroupFolder
    private let tree: ControlGroups
    private let name: String
    private var entrance: ControlGroupEntrance?
    private var users = 0

    init(_ name: String, in tree: ControlGroups, at folder: ControlGroupFolder) {
        self.name = name
        self.tree = tree
        self.folder = folder
    }

    /// Its directory.
    package var path: String { folder.path }

    /// One more program uses it.
    func retain() { users += 1 }

    /// One less does; after the last the group goes, unless there are processes in it.
    package func release() {
        users -= 1
        guard users == 0 else { return }
        entrance = nil
        _ = folder.remove()
        tree.forget(name)
    }

    /// Ends whatever is in it, if nobody else uses it: whose connections have all ended has left that behind.
    ///
    /// - Returns: whether anything was.
    package func killWhatIsLeft() -> Bool {
        guard users == 1, folder.isPopulated else { return false }
        folder.kill()
        // From Linux 6.14 on, who is started into a group that was killed once is killed, too.
        entrance = nil
        return true
    }

    /// Where the program of a connection begins; with `limits`, in a group of its own.
    /// - Throws: the step that failed.
    package func place(_ connection: UInt64, _ limits: ResourceLimits?) throws(SpawnFailure) -> HandlerPlace {
        do throws(Errno) {
            guard let limits else { return HandlerPlace(entrance: try sharedEntrance(), own: nil) }
            return try ownPlace(connection, limits)
        } catch {
            throw SpawnFailure(step: .controlGroup, errno: error, subject: folder.path)
        }
    }

    /// The group that a connection got from another daemon before us, if there is one.
    package func group(of connection: UInt64) -> ConnectionGroup? {
        let found = folder.folder(Self.name(of: connection))
        return found.has("cgroup.procs") ? ConnectionGroup(found) : nil
    }

    private func sharedEntrance() throws(Errno) -> ControlGroupEntrance {
        if let entrance, !entrance.isStale { return entrance }
        try folder.makeIfMissing()
        for name in folder.names where name.hasPrefix(Self.shared) { _ = folder.folder(name).remove() }
        let entrance = try ControlGroupEntrance(makeLeaf(Self.shared))
        self.entrance = entrance
        return entrance
    }

    private func ownPlace(_ connection: UInt64, _ limits: ResourceLimits) throws(Errno) -> HandlerPlace {
        try folder.makeIfMissing()
        let controllers = limits.controllers.filter(tree.isEnabled)
        for controller in controllers { try folder.write("+\(controller.rawValue)", to: ControlGroups.subtreeControl) }
        let leaf = try makeLeaf(Self.name(of: connection))
        do throws(Errno) {
            for file in controllers.flatMap(limits.files) {
                do throws(Errno) { try leaf.write(file.value, to: file.name) } catch .noSuchFileOrDirectory {
                    guard file.isOptional else { throw .noSuchFileOrDirectory }
                }
            }
            return HandlerPlace(entrance: try ControlGroupEntrance(leaf), own: ConnectionGroup(leaf))
        } catch {
            _ = leaf.remove()
            throw error
        }
    }

    // Always a new one: another of the name may be a former daemon's, with programs in it, or have been killed.
    private func makeLeaf(_ name: String) throws(Errno) -> ControlGroupFolder {
        for attempt in 1... {
            let leaf = folder.folder(attempt == 1 ? name : "\(name)-\(attempt)")
            do throws(Errno) {
                try leaf.make()
                return leaf
            } catch .fileExists {}
        }
        preconditionFailure("there are more numbers than groups")
    }

    private static func name(of connection: UInt64) -> String { "conn-\(connection)" }
}

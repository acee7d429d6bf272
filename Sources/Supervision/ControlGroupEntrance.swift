// SPDX-License-Identifier: Apache-2.0
// The way into a control group for a program that begins: the descriptor that its spawn needs.

internal import Descriptors
internal import Glibc
internal import SystemPackage

/// The way into a control group: its directory for clone3, or its `cgroup.procs` where clone3 is not allowed.
// Safe: used only on the loop's thread; a child on its way reads the descriptor, which its slot keeps open.
final class ControlGroupEntrance: @unchecked Sendable {
    /// What a spawn into a group that somebody has removed fails with.
    static let removed: [Errno] = [.noSuchFileOrDirectory, .operationNotSupportedByDevice]

    private let folder: ControlGroupFolder
    private var opened: Descriptor?
    /// Whether the child writes itself into the group.
    private(set) var isByWriting = false
    /// Whether the group has been removed by somebody.
    private(set) var isStale = false

    /// Opens the group at `folder`.
    init(_ folder: ControlGroupFolder) throws(Errno) {
        self.folder = folder
        opened = try folder.open(".", O_RDONLY | O_DIRECTORY)
    }

    /// The descriptor, which stays this object's.
    var number: CInt { opened?.use { $0 } ?? -1 }

    /// A spawn into it has failed.
    func failed(with error: Errno) {
        if Self.removed.contains(error) { isStale = true }
    }

    /// Goes by `cgroup.procs`, if `error` of the clone says that the kernel, or what guards us, has no clone3.
    ///
    /// - Returns: whether the clone is to be tried again.
    func fallBack(after error: Errno) -> Bool {
        let withoutClone3: [Errno] = [.noFunction, .notPermitted, .invalidArgument, .argListTooLong]
        guard !isByWriting, withoutClone3.contains(error),
            let procs = try? folder.open("cgroup.procs", O_WRONLY)
        else { return false }
        opened.take()?.close()
        opened = consume procs
        isByWriting = true
        return true
    }
}

/// Where a program is to begin: the way in, and the group if it is the connection's own.
package struct HandlerPlace: Sendable {
    let entrance: ControlGroupEntrance
    let own: ConnectionGroup?
}

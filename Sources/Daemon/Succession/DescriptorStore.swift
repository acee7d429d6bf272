// SPDX-License-Identifier: Apache-2.0
// The service manager's store of descriptors: what it is to give to the next daemon if this one is gone.

internal import Descriptors
internal import Systemd

/// Has the service manager keep descriptors.
///
/// Nothing waits for it. What it does not take, because its store is full or there is none, is lost with this process.
struct DescriptorStore: Sendable {
    private let writer: LogWriter

    /// The store of the service manager that `writer` talks to; without one it keeps nothing.
    init(_ writer: LogWriter) { self.writer = writer }

    /// Whether there is a service manager.
    var isThere: Bool { writer.notifications != nil }

    /// Keeps a descriptor under `name`, besides others of that name.
    @discardableResult
    func keep(_ descriptor: consuming Descriptor, as name: String) -> Bool {
        writer.notify(NotifyMessage(.keep(name)), with: descriptor)
    }

    /// Keeps none under `name` any more.
    func forget(_ name: String) { writer.notify(NotifyMessage(.forget(name))) }
}

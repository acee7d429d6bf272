// SPDX-License-Identifier: Apache-2.0
// What this process was given by who served before it: an earlier image of the daemon, or the service manager.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import Synchronization
internal import Systemd

/// What an earlier daemon has left to this one.
///
/// An image that follows another one in the same process gets the state and descriptors from it, and works with copies:
/// until it serves, the one before can be gone back to as if nothing had happened.
package final class Inheritance: Sendable {
    /// The variable that names the descriptor of the state, in the environment of an image that follows another.
    static let variable = "SERVERD_STATE_FD"

    /// The low numbers are left to the spawner, whose price grows with what is below its own.
    private static let lowestCopy: CInt = 64

    /// What the image before this one has told; nil when this is the process's first.
    let state: SuccessionState?
    /// What can be claimed by its name.
    let sockets: InheritedSockets
    /// The descriptors as they were passed, and the program before this one; closed once nobody goes back.
    private let originals: Mutex<[CInt]>

    private init(_ state: SuccessionState?, _ sockets: InheritedSockets, originals: [CInt]) {
        self.state = state
        self.sockets = sockets
        self.originals = Mutex(originals)
    }

    /// What was inherited as `sockets`, and nothing else.
    package convenience init(_ sockets: InheritedSockets) { self.init(nil, sockets, originals: []) }

    /// Receives what this process was given, by systemd's variables and by ours, and removes the variables.
    ///
    /// It changes the environment: call it once, before there is a second thread.
    /// - Throws: ``StartFailure``.
    package static func receive() throws(StartFailure) -> Inheritance {
        let announced: InheritedDescriptors
        do { announced = try InheritedDescriptors.receive() } catch {
            throw StartFailure(.operatingSystem, error.description)
        }
        guard let value = getenv(variable) else { return Inheritance(InheritedSockets(announced)) }
        let text = String(cString: value)
        unsetenv(variable)
        guard let number = CInt(text), number > STDERR_FILENO, clinux_descriptor_flags(number) >= 0 else {
            throw StartFailure(.operatingSystem, "\(variable) is \"\(text)\", which is no open descriptor")
        }
        let file = Descriptor(adopting: number)
        do {
            let state = try SuccessionState(from: number)
            file.close()
            return try Inheritance(following: state)
        } catch {
            throw StartFailure(.operatingSystem, "cannot go on in place of the serverd before: \(error)")
        }
    }

    private convenience init(following state: SuccessionState) throws {
        var originals = state.descriptors.map(\.number)
        if let wayBack = state.wayBack { originals.append(wayBack) }
        for number in originals { _ = clinux_set_passed_on(number, 0) }
        var copies: [(name: String, number: CInt)] = []
        for passed in state.descriptors {
            let copy = try Descriptor.duplicating(passed.number, atLeast: Self.lowestCopy)
            copies.append((passed.name, copy.release()))
        }
        self.init(state, InheritedSockets(InheritedDescriptors(adopting: copies)), originals: originals)
    }

    /// This image serves: nobody goes back.
    func settle() {
        let numbers = originals.withLock { numbers in
            defer { numbers = [] }
            return numbers
        }
        for number in numbers { Descriptor(adopting: number).close() }
    }

    /// Has the image before this one serve again, which is told the reason, if there is one and it is not too late.
    ///
    /// Returns only if not.
    package func goBack(because reason: String) {
        guard var state, let program = state.wayBack, originals.withLock({ !$0.isEmpty }) else { return }
        // From there no way leads back: that one has served before.
        state.wayBack = nil
        state.failure = reason
        // What fails here is told by who called us, as the failure to start that it is.
        guard let file = try? state.write() else { return }
        let image = Image.opened(program)
        _ = image.replaceThis(state.arguments, state: file, passing: state.descriptors.map(\.number))
    }
}

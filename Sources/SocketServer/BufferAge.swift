// SPDX-License-Identifier: Apache-2.0
// One timer that looks at the age of what all of a server's writers hold.

internal import EventLoops

/// Looks once a second at the writers that hold bytes the system did not take.
///
/// A limit is therefore noticed between the limit and about a second later. There is no timer while no writer waits.
// Safe: the state is touched only on the loop's thread.
final class BufferAge: @unchecked Sendable {
    static let interval = Duration.seconds(1)

    // A writer holds its `BufferAge`, and is itself held by the socket for as long as bytes wait.
    private struct Watched {
        weak var writer: Writer?
    }

    private let loop: EventLoop
    private var writers: [ObjectIdentifier: Watched] = [:]

    init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Looks at `writer` from now on, for as long as it holds bytes.
    func watch(_ writer: Writer) {
        if writers.isEmpty { scheduleCheck() }
        writers[ObjectIdentifier(writer)] = Watched(writer: writer)
    }

    private func scheduleCheck() {
        loop.schedule(after: Self.interval) { [weak self] in self?.check() }
    }

    private func check() {
        let now = loop.now
        writers = writers.filter { $0.value.writer?.checkAge(at: now) ?? false }
        if !writers.isEmpty { scheduleCheck() }
    }
}

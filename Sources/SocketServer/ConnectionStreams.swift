// SPDX-License-Identifier: Apache-2.0
// Serves a connection with a reader and a writer: which of handler and writer decides its fate, and the orderly end.

internal import EventLoops
internal import Sockets

/// The reader and the writer of one connection, for the time of its handler.
struct ConnectionStreams: Sendable {
    private let connection: Connection
    private let reader: Reader
    private let writer: Writer

    init(_ connection: Connection, _ options: ServerOptions, _ ages: BufferAge) {
        self.connection = connection
        reader = Reader(connection.socket)
        writer = Writer(
            connection.socket, ageLimit: options.bufferAgeLimit, closeDeadline: options.closeDeadline, ages: ages)
    }

    /// Runs `handler`, flushes and closes the writer, then the reader.
    /// - Throws: the handler's error or the writer's, whichever came first; a peer that has gone is no error.
    func serve(_ handler: @escaping @Sendable (Reader, Writer) async throws -> Void) async throws {
        let loop = connection.socket.loop
        let fate = Fate(on: loop)
        await loop.perform { writer.onFailure = { fate.decide($0.code == .peerGone ? nil : $0) } }
        // Waited for until it ends, or the writer fails: a handler that does not write then goes on alone.
        _ = Task(executorPreference: loop) {
            do {
                try await handler(reader, writer)
                await loop.perform { fate.decide(nil) }
            } catch {
                await loop.perform { fate.decide(error) }
            }
        }
        let failure = await fate.decided()
        await writer.close()
        reader.close()
        if let failure { throw failure }
    }
}

/// What became of a connection: decided once.
// Safe: the state is touched only on the loop's thread.
private final class Fate: @unchecked Sendable {
    private var outcome: (any Error)??
    private let changed: LoopCondition

    init(on loop: EventLoop) {
        changed = LoopCondition(on: loop)
    }

    func decide(_ failure: (any Error)?) {
        guard outcome == nil else { return }
        outcome = .some(failure)
        changed.signal()
    }

    func decided() async -> (any Error)? {
        await changed.wait { self.outcome != nil }
        return outcome ?? nil
    }
}

// SPDX-License-Identifier: Apache-2.0
// Serving connections with a reader and a writer, for whoever decides connection by connection how it is served.

package import EventLoops

/// What connections that are served with a reader and a writer share.
package struct StreamHandling: Sendable {
    private let options: ServerOptions
    private let ages: BufferAge

    /// The writers' limits are those of `options`.
    package init(_ options: ServerOptions, on loop: EventLoop) {
        self.options = options
        ages = BufferAge(on: loop)
    }

    /// Serves a connection by `handler`, and returns when that is done and what the writer held is sent.
    /// - Throws: the handler's error or the writer's, whichever came first; a peer that has gone is no error.
    package func serve(
        _ connection: Connection, by handler: @escaping @Sendable (Reader, Writer) async throws -> Void
    ) async throws {
        try await ConnectionStreams(connection, options, ages).serve(handler)
    }
}

// SPDX-License-Identifier: Apache-2.0
// The backend of swift-log: loggers of the whole daemon feed one writer.

package import Logging

/// Gives what a logger says to the writer.
///
/// It never blocks.
///
/// A log message is constant text; what varies is in the keys, which are `snake_case`.
package struct SerialLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let writer: LogWriter

    /// A handler that feeds `writer` with everything from `level` on.
    package init(_ writer: LogWriter, level: Logger.Level = .info) {
        self.writer = writer
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var context = metadata
        if let provided = metadataProvider?.get(), !provided.isEmpty {
            // What the provider says is more recent than the logger's own.
            context.merge(provided) { _, new in new }
        }
        var own = event.metadata ?? [:]
        if let error = event.error { own["error"] = .string("\(error)") }
        writer.log(LogLine(event.level, event.message.description, metadata: own, context: context))
    }
}

// SPDX-License-Identifier: Apache-2.0
// From a logger of swift-log to the written line, and to the fields of a journal entry.

import Daemon
import Logging
import SystemPackage
import Systemd
import Testing

@Suite("The log handler")
struct SerialLogHandlerTests {
    @Test("what loggers say arrives in order, with the logger's keys and the event's")
    func lines() throws {
        var pipe = LogPipe()
        let writer = try LogWriter(.lines(.prefixed), stream: pipe.takeWriter(), notifier: Notifier())
        var logger = Logger(label: "serverd") { _ in SerialLogHandler(writer) }
        logger.info("start")
        logger.debug("below the level")
        logger[metadataKey: "service"] = "git"
        logger.warning("slow", metadata: ["peer": "192.0.2.1:7", "duration_ms": "\(12)"])
        logger.error("override", metadata: ["service": "web"])
        logger.logLevel = .debug
        logger.debug("now at the level")
        #expect(logger[metadataKey: "service"] == "git")
        #expect(writer.finish(within: .seconds(10)))
        #expect(
            pipe.lines() == [
                "<6>start", "<4>slow service=git peer=192.0.2.1:7 duration_ms=12", "<3>override service=web",
                "<7>now at the level service=git",
            ])
    }

    @Test("an error and a provider's keys become keys of the line")
    func extras() throws {
        var pipe = LogPipe()
        let writer = try LogWriter(.lines(.prefixed), stream: pipe.takeWriter(), notifier: Notifier())
        let provider = Logger.MetadataProvider { ["connection": "7"] }
        let logger = Logger(label: "serverd") { _ in
            var handler = SerialLogHandler(writer)
            handler.metadataProvider = provider
            return handler
        }
        logger.error("failed", error: Errno.ioError)
        #expect(writer.finish(within: .seconds(10)))
        #expect(pipe.lines() == [#"<3>failed connection=7 error="\#(Errno.ioError)""#])
    }

    @Test("a journal entry shows the whole line, and has a field for each key")
    func journalFields() {
        var fields = JournalFields()
        let line = LogLine(
            .warning, "handler\nfailed", metadata: ["exit_code": .stringConvertible(3), "peer": "a b"],
            context: ["service": "git"])
        let expected = [
            #"MESSAGE=handler\x0afailed service=git peer="a b" exit_code=3"#, "PRIORITY=4", "SYSLOG_IDENTIFIER=serverd",
            "SERVERD_SERVICE=git", "SERVERD_PEER=a b", "SERVERD_EXIT_CODE=3",
        ]
        #expect(fields.fields(line).map { String(decoding: $0, as: UTF8.self) } == expected)
        #expect(fields.fields(line).map { String(decoding: $0, as: UTF8.self) } == expected)
    }
}

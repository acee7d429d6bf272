// SPDX-License-Identifier: Apache-2.0
// What the service manager is told, as text.

import Systemd
import Testing

@Suite("Messages for the service manager")
struct NotifyMessageTests {
    @Test(
        "each assignment has the words of sd_notify(3)",
        arguments: [
            (NotifyMessage(.ready), "READY=1"),
            (NotifyMessage(.reloading(at: .microseconds(7_000_001))), "RELOADING=1\nMONOTONIC_USEC=7000001"),
            (NotifyMessage(.stopping), "STOPPING=1"),
            (NotifyMessage(.alive), "WATCHDOG=1"),
            (NotifyMessage(.extendTimeout(.seconds(90))), "EXTEND_TIMEOUT_USEC=90000000"),
            (NotifyMessage(.extendTimeout(.nanoseconds(2_999))), "EXTEND_TIMEOUT_USEC=2"),
            (NotifyMessage(.extendTimeout(.seconds(-1))), "EXTEND_TIMEOUT_USEC=0"),
            (NotifyMessage(.status("12 services")), "STATUS=12 services"),
            (NotifyMessage(.keep("web")), "FDSTORE=1\nFDNAME=web\nFDPOLL=0"),
            (NotifyMessage(.forget("a\nb")), #"FDSTOREREMOVE=1\#nFDNAME=a\x0ab"#),
            (NotifyMessage(.ready, .status("serving")), "READY=1\nSTATUS=serving"),
            (
                NotifyMessage(.stopping, .status("draining"), .extendTimeout(.seconds(1))),
                "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=1000000"
            ),
        ])
    func words(message: NotifyMessage, text: String) {
        #expect(message.text == text)
    }

    @Test("a status is one line, whatever it contains")
    func oneLine() {
        let status = "a\nREADY=1\r\u{1b}[2J\u{0}\u{85}\u{2028}\u{202e}é"
        #expect(
            NotifyMessage(.status(status)).text
                == #"STATUS=a\x0aREADY=1\x0d\x1b[2J\x00\u{85}\u{2028}\u{202e}é"#)
    }

    @Test("a status is cut when it is longer than the limit")
    func limit() {
        let limit = NotifyMessage.statusLimit
        func status(_ text: String) -> Substring { NotifyMessage(.status(text)).text.dropFirst("STATUS=".count) }
        for length in [limit - 1, limit] {
            #expect(status(String(repeating: "x", count: length)).utf8.count == length)
        }
        #expect(status(String(repeating: "x", count: limit + 1)) == String(repeating: "x", count: limit - 3) + "…")
        // No scalar is cut in two, and the limit holds for long escapes too.
        for text in ["é", "€", "😀", "\n", "\u{202e}", "xé"].map({ String(repeating: $0, count: 2 * limit) }) {
            let line = status(text)
            #expect(line.hasSuffix("…"))
            #expect((limit - 12...limit).contains(line.utf8.count))
        }
    }
}

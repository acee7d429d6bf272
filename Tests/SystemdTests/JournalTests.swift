// SPDX-License-Identifier: Apache-2.0
// Journal entries as bytes, and whether a descriptor leads to the journal.

import Descriptors
import Glibc
import Systemd
import Testing

@Suite("The journal")
struct JournalTests {
    @Test("a field is its name, an equals sign and its value, with anything in it")
    func fields() {
        var entry = JournalEntry()
        entry.add("MESSAGE".utf8) { $0.append(contentsOf: "two\nlines = one".utf8) }
        entry.add("PRIORITY".utf8) { $0.append(UInt8(ascii: "6")) }
        #expect(entry.fields == ["MESSAGE=two\nlines = one", "PRIORITY=6"].map { Array($0.utf8) })
        entry.removeAll()
        #expect(entry.fields == [])
    }

    @Test("an entry takes fields up to its limit")
    func fieldLimit() {
        for (count, expected) in [(31, 31), (32, 32), (33, 32)] {
            var entry = JournalEntry()
            for _ in 0..<count { entry.add("A".utf8) { _ in } }
            #expect(entry.fields.count == expected)
        }
        #expect(JournalEntry.fieldLimit == 32)
    }

    @Test(
        "a key becomes a field name that the journal accepts",
        arguments: [
            ("exit_code", "SERVERD_EXIT_CODE"), ("peer", "SERVERD_PEER"), ("a-b.c é", "SERVERD_A_B_C___"),
            ("x9", "SERVERD_X9"), (String(repeating: "k", count: 99), "SERVERD_" + String(repeating: "K", count: 56)),
        ])
    func fieldNames(key: String, name: String) {
        #expect(JournalEntry.fieldName(key) == Array(name.utf8))
    }

    @Test("a descriptor is the journal's stream only if device and inode are those announced")
    func stream() {
        let pipe = TestSockets.pipeEnd()
        pipe.use { number in
            var status = stat()
            #expect(fstat(number, &status) == 0)
            let (device, inode) = (status.st_dev, status.st_ino)
            #expect(Journal.isStream(number, announcedBy: "\(device):\(inode)"))
            for other in ["\(device):\(inode + 1)", "\(device + 1):\(inode)", "\(device)", ":", "", "a:b", "1:2:3"] {
                #expect(!Journal.isStream(number, announcedBy: other))
            }
            #expect(!Journal.isStream(number, announcedBy: "\(device):\(inode):"))
            #expect(!Journal.isStream(number, announcedBy: nil))
        }
    }

    @Test("a descriptor that is not open is not the journal's stream")
    func closedDescriptor() {
        #expect(!Journal.isStream(-1, announcedBy: "1:2"))
    }
}

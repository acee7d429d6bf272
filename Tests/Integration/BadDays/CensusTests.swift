// SPDX-License-Identifier: Apache-2.0
// Proves that the count which every other test here ends with can see a descriptor and a child too many.

import Foundation
import Testing

extension Integration {
    @Suite("the census") struct CensusTests {
        @Test("sees an open connection's descriptor and handler, and their end")
        func openConnectionIsSeen() throws {
            let cat = ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
            try withDaemon([cat]) { daemon in
                let client = try Client(daemon.endpoint("cat"))
                try client.send("x")
                #expect(try client.receive(1) == "x")
                let pidfd = "anon_inode:[pidfd]"
                try eventually("there is a pidfd more, which is too much: \(daemon.baseline), \(daemon.census())") {
                    let (now, before) = (daemon.census(), daemon.baseline)
                    return now.descriptors[pidfd, default: 0] == before.descriptors[pidfd, default: 0] + 1
                        && !now.isNoMore(than: before)
                }
                #expect(daemon.census().children.count == daemon.baseline.children.count + 1)
                client.finishSending()
                #expect(try client.receive() == "")
                try daemon.awaitNothingLeft()
            }
        }

        @Test("sees a zombie")
        func zombieIsSeen() throws {
            let script = "sh -c 'exit 0' & echo $!; exec cat"
            let pipe = StandardPipe()
            let parent = try ChildProcess(["/bin/sh", "-c", script], input: .descriptor(pipe.readEnd), output: .null)
            defer { parent.end() }
            try eventually("the child is a zombie") {
                let children = ProcessCensus.take(of: parent.pid).children
                return children.contains { readText("/proc/\($0)/stat").contains(") Z ") }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The key `resources`: sizes, shares and numbers of tasks, each at the ends of its range.

import Policy
import ServiceConfig
import Testing

@Suite("resources")
struct ResourcesTests {
    private func limits(_ table: String) throws -> ResourceLimits? { try program("resources = \(table)").resources }

    private func messages(_ table: String) -> [String] { programErrors("user = \"git\"\nresources = \(table)") }

    @Test("each limit is optional, and a table without one is not the same as none")
    func optional() throws {
        #expect(try program("").resources == nil)
        #expect(try limits("{}") == ResourceLimits())
        #expect(try limits("{ memory = \"64M\" }") == ResourceLimits(memory: 64 << 20))
        #expect(try limits("{ tasks = 16 }") == ResourceLimits(tasks: 16))
        #expect(try limits("{ cpu = \"50%\" }") == ResourceLimits(cpu: 50))
    }

    @Test(
        "a size is a number with K, M, G or T",
        arguments: [
            ("1048576", 1 << 20), ("1048577", 1_048_577), ("1024K", 1 << 20), ("1M", 1 << 20), ("3G", 3 << 30),
            ("2T", 2 << 40),
        ] as [(String, Int64)])
    func sizes(text: String, bytes: Int64) throws {
        #expect(try limits("{ memory = \"\(text)\" }")?.memory == bytes)
        #expect(ResourceLimits.size(ResourceLimits.text(ofSize: bytes)) == bytes)
    }

    @Test(
        "what is no size, or less than 1M, is an error",
        arguments: ["", "M", "64 M", "64m", "64MB", "-1M", "1.5G", "1048575", "1023K", "0", "8388608T", "٤M"])
    func noSizes(text: String) {
        #expect(messages("{ memory = \"\(text)\" }") == ["`memory` cannot be `\(text)`"])
    }

    @Test("tasks are a number from 1 to 4194304, without quotes")
    func tasks() throws {
        #expect(try limits("{ tasks = 1 }")?.tasks == 1)
        #expect(try limits("{ tasks = 4194304 }")?.tasks == 4_194_304)
        for number in ["0", "4194305", "-1"] {
            #expect(messages("{ tasks = \(number) }") == ["`tasks` is out of its range"])
        }
        #expect(messages("{ tasks = \"16\" }") == ["`tasks` in `resources` is a text"])
    }

    @Test("cpu is percent of one processor, from 1% to 100000%")
    func cpu() throws {
        #expect(try limits("{ cpu = \"1%\" }")?.cpu == 1)
        #expect(try limits("{ cpu = \"100000%\" }")?.cpu == 100_000)
        for text in ["0%", "100001%", "50", "%", "5 %", "-1%", "0.5%"] {
            #expect(messages("{ cpu = \"\(text)\" }") == ["`cpu` cannot be `\(text)`"])
        }
        #expect(messages("{ cpu = 50 }") == ["`cpu` in `resources` is a whole number"])
    }

    @Test("a built-in has none: it runs inside serverd")
    func builtIn() {
        #expect(
            errors("listen = 7\nbuiltin = \"echo\"\nresources = {}").map(\.message) == [
                "`resources` has nothing to apply to: a built-in runs inside serverd"
            ])
        #expect(messages("[]") == ["`resources` is a list"])
    }
}

// SPDX-License-Identifier: Apache-2.0
// Each kind of mistake a person makes in a configuration: `serverd --check` must name the file and the reason.

import Foundation
import Testing

extension Integration {
    @Suite("mistakes in the configuration") struct ConfigurationMistakeTests {
        /// A service file with one mistake in it, and what the error must mention.
        struct Mistake: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let text: String
            let mentions: [String]

            init(_ title: String, _ text: String, _ mentions: String...) {
                (testDescription, self.text, self.mentions) = (title, text, mentions)
            }
        }

        private static let user = geteuid() == 0 ? "user = \"root\"\n" : ""
        private static let start = "listen = \"127.0.0.1:0\"\n" + user

        static let mistakes = [
            Mistake("a wrong type", start + "exec = [\"/bin/cat\"]\nmax_connections = \"many\"\n", "max_connections"),
            Mistake(
                "an unknown key", start + "exec = [\"/bin/cat\"]\nmax_conections = 5\n", "max_conections",
                "did you mean `max_connections`?"),
            Mistake("no exec", start, "exec"),
            Mistake("both exec and builtin", start + "exec = [\"/bin/cat\"]\nbuiltin = \"echo\"\n", "exec", "builtin"),
            Mistake("a relative path", start + "exec = [\"bin/cat\"]\n", "bin/cat"),
            Mistake(
                "an unknown user", "listen = \"127.0.0.1:0\"\nexec = [\"/bin/cat\"]\nuser = \"no-such-user\"\n",
                "no-such-user"),
            Mistake("port 70000", user + "listen = \"127.0.0.1:70000\"\nexec = [\"/bin/cat\"]\n", "70000"),
            Mistake("a syntax error", start + "exec = [\"/bin/cat\"\n"),
        ]

        @Test("the error shows file, line, and what is wrong", arguments: mistakes)
        func mistakeIsExplained(_ mistake: Mistake) throws {
            let directory = try TemporaryDirectory()
            try directory.write(mistake.text, to: "services.d/bad.toml")
            let errors = try check(directory)
            #expect(errors.contains("bad.toml:"))
            for word in mistake.mentions { #expect(errors.contains(word), "\(errors)") }
        }

        @Test("one address in two files: the error names both")
        func duplicateAddressIsFound() throws {
            let directory = try TemporaryDirectory()
            let text = "listen = \"127.0.0.1:7979\"\nexec = [\"/bin/cat\"]\n\(Self.user)"
            try directory.write(text, to: "services.d/one.toml")
            try directory.write(text, to: "services.d/two.toml")
            let errors = try check(directory)
            #expect(errors.contains("one.toml") && errors.contains("two.toml"), "\(errors)")
        }

        @Test("a file that is not UTF-8")
        func invalidTextIsRefused() throws {
            let directory = try TemporaryDirectory()
            try directory.write(Data([0x23, 0x20, 0xff, 0xfe, 0x0a]), to: "services.d/bad.toml")
            #expect(try check(directory).contains("bad.toml"))
        }

        @Test("a file of 100 MB")
        func hugeFileIsRefused() throws {
            let directory = try TemporaryDirectory()
            let path = try directory.write("", to: "services.d/bad.toml")
            try #require(truncate(path, 100_000_000) == 0)
            #expect(try check(directory).contains("bad.toml"))
        }

        @Test("a directory named like a file")
        func directoryIsRefused() throws {
            let directory = try TemporaryDirectory()
            try directory.write("", to: "services.d/bad.toml/inside")
            #expect(try check(directory).contains("bad.toml"))
        }

        @Test("a file that cannot be read")
        func unreadableFileIsRefused() throws {
            let directory = try TemporaryDirectory()
            let link = directory.path("services.d/bad.toml")
            try directory.write("", to: "services.d/good.txt")
            // Permissions do not keep root out; a link to itself does.
            try #require(symlink(link, link) == 0)
            #expect(try check(directory).contains("bad.toml"))
        }

        /// Has the daemon check the configuration, expects it to refuse, and returns what it said.
        private func check(_ directory: TemporaryDirectory) throws -> String {
            let configuration = try directory.write("", to: "serverd.toml")
            let result = try run([Programs.serverd, "--config", configuration, "--check"], seconds: patience)
            #expect(result.exitCode == 78, "\(result.errors)")
            return result.errors
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// What lies where a file of the configuration is looked for and cannot be read as one: its kind, its size, its mode.

import Foundation
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("files of the configuration")
struct ConfigurationFileTests: ConfigurationLoading {
    let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

    @Test("a directory, a FIFO and a device named like a service are errors, found without waiting")
    func notFiles() throws {
        try tree.makeDirectory("etc/services.d/a.toml")
        try tree.makeFIFO("etc/services.d/b.toml")
        try tree.link("etc/services.d/c.toml", to: "/dev/zero")
        try tree.link("etc/services.d/d.toml", to: "d.toml")
        try tree.link("etc/services.d/e.toml", to: "nowhere")
        #expect(
            errors(trees) == """
                etc/services.d/a.toml: error: is a directory
                  expected a regular file
                etc/services.d/b.toml: error: is a FIFO
                  expected a regular file
                etc/services.d/c.toml: error: is a device
                  expected a regular file
                etc/services.d/d.toml: error: cannot be read: Too many levels of symbolic links (ELOOP)
                etc/services.d/e.toml: error: cannot be read: No such file or directory (ENOENT)
                5 errors

                """)
    }

    @Test("services.d must be a directory")
    func notADirectory() throws {
        try tree.write("", to: "etc/services.d")
        #expect(errors(trees) == "etc/services.d: error: cannot be read: Not a directory (ENOTDIR)\n")
    }

    @Test("a file of 1 MiB is read, one byte more is an error")
    func limit() throws {
        let text = echo(1)
        for excess in [-1, 0, 1] {
            let filler = String(repeating: "#", count: SourceFile.maximumSize - text.utf8.count + excess)
            try tree.write(text + filler, to: "etc/services.d/a.toml")
            let expected =
                "etc/services.d/a.toml: error: is larger than 1 MiB\n  expected a configuration file of at most 1 MiB\n"
            #expect(errors(trees) == (excess > 0 ? expected : ""))
        }
    }

    @Test("the size of a file is looked at before its bytes")
    func hugeFile() throws {
        try tree.write("#", to: "etc/services.d/a.toml")
        // Reading this would take minutes and more memory than there is.
        try tree.extend("etc/services.d/a.toml", to: 1 << 40)
        #expect(errors(trees).hasPrefix("etc/services.d/a.toml: error: is larger than 1 MiB\n"))
    }

    @Test("a file that gives more bytes than its size says is read to its end")
    func understatedSize() throws {
        // The kernel says 0 for files in /proc.
        guard case .present(let file) = ConfigurationFile.read("/proc/self/status") else {
            Issue.record("/proc/self/status was not read")
            return
        }
        #expect(try file.contents.get().count > 100)
    }

    @Test("a file and a directory that may not be read are errors with their reason")
    func unreadable() async {
        await #expect(processExitsWith: .success) {
            // Root may read anything: become somebody else first.
            let tree = try TemporaryTree()
            try tree.write("listen = 7", to: "a/services.d/x.toml", mode: 0)
            try tree.makeDirectory("b/services.d", mode: 0)
            if geteuid() == 0 { try #require(seteuid(65534) == 0) }
            var text = ""
            do throws(ConfigErrors) {
                _ = try loadConfiguration(from: .trees(["\(tree.path)/a", "\(tree.path)/b"]), context: .current())
            } catch {
                text = error.description.replacing(tree.path + "/", with: "")
            }
            if getuid() == 0 { try #require(seteuid(0) == 0) }
            chmod("\(tree.path)/b/services.d", 0o755)
            try #require(
                text == """
                    b/services.d: error: cannot be read: Permission denied (EACCES)
                    a/services.d/x.toml: error: cannot be read: Permission denied (EACCES)
                    2 errors

                    """)
        }
    }

    @Test("loading leaves no descriptor open")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let count = { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
            let tree = try TemporaryTree()
            try tree.write("stop_timeout = \"1s\"", to: "serverd.toml")
            try tree.write("listen = 7\nbuiltin = \"echo\"", to: "services.d/a.toml")
            try tree.makeDirectory("services.d/b.toml")
            try tree.makeFIFO("services.d/c.toml")
            let load = {
                try? loadConfiguration(from: .file(tree.path + "/serverd.toml"), context: .current())
            }
            // The first time NSS opens what it keeps.
            _ = load()
            let before = try count()
            let extra = open("/dev/null", O_RDONLY | O_CLOEXEC)
            try #require(try count() == before + 1)
            close(extra)
            for _ in 0..<10 { _ = load() }
            try #require(try count() == before)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Where the configuration is looked for, and what lies there that is no file to read.

import Foundation
import Policy
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("loading the configuration")
struct ConfigurationLoaderTests {
    private let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

    private func echo(_ port: Int) -> String { "listen = \(port)\nbuiltin = \"echo\"\n" }

    private func load(_ location: ConfigurationLocation) throws(ConfigErrors) -> Configuration {
        try loadConfiguration(from: location, context: .current())
    }

    /// The three trees of the standard search in the temporary directory.
    private var trees: ConfigurationLocation { .trees(["etc", "run", "usr"].map { "\(tree.path)/\($0)" }) }

    /// The ports of the services by name, such as `a:1`.
    private func services(_ location: ConfigurationLocation) throws -> [String] {
        try load(location).services.map { "\($0.name):\($0.listen[0])" }
    }

    /// The rendered errors, without the temporary directory's name.
    private func errors(_ location: ConfigurationLocation) -> String {
        do {
            _ = try load(location)
            return ""
        } catch {
            return error.description.replacing(tree.path + "/", with: "")
        }
    }

    // MARK: Where

    @Test("the default path stands for the standard trees, any other for itself")
    func locations() {
        #expect(
            ConfigurationLocation(path: "/etc/serverd/serverd.toml")
                == .trees(["/etc/serverd", "/run/serverd", "/usr/lib/serverd"]))
        #expect(ConfigurationLocation(path: "serverd.toml") == .file("serverd.toml"))
    }

    @Test("with nothing in any tree there is a configuration without services")
    func nothing() throws {
        #expect(try services(trees) == [])
        try tree.makeDirectory("etc")
        #expect(try load(trees).settings == DaemonSettings())
    }

    @Test("a service file whose name is not UTF-8 is said to have such a name")
    func name() throws {
        try tree.makeDirectory("services.d")
        var path = Array((tree.path + "/services.d/a").utf8) + [0xff] + Array(".toml".utf8) + [0]
        let number = path.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { open($0.baseAddress!, O_CREAT | O_WRONLY, 0o600) }
        }
        try #require(number >= 0)
        close(number)
        try tree.write("", to: "serverd.toml")
        #expect(
            errors(.file(tree.path + "/serverd.toml"))
                == #"services.d/a\xff.toml: error: has a name that is not UTF-8"# + "\n"
                + "  expected NAME.toml, where NAME is that of the service: rename the file\n")
    }

    @Test("a file that was asked for must exist; services.d beside it need not")
    func explicitFile() throws {
        let path = tree.path + "/serverd.toml"
        #expect(errors(.file(path)) == "serverd.toml: error: cannot be read: No such file or directory (ENOENT)\n")
        try tree.write("stop_timeout = \"1s\"", to: "serverd.toml")
        #expect(try load(.file(path)).settings.stopTimeout == .seconds(1))
        try tree.write(echo(1), to: "services.d/a.toml")
        #expect(try services(.file(path)) == ["a:1"])
    }

    @Test("a service file overrides those of its name in lower trees")
    func override() throws {
        try tree.write(echo(1), to: "usr/services.d/a.toml")
        try tree.write(echo(2), to: "usr/services.d/b.toml")
        try tree.write(echo(3), to: "usr/services.d/c.toml")
        try tree.write(echo(12), to: "run/services.d/b.toml")
        try tree.write(echo(13), to: "run/services.d/c.toml")
        try tree.write(echo(23), to: "etc/services.d/c.toml")
        #expect(try services(trees) == ["a:1", "b:12", "c:23"])
    }

    @Test("the files of all trees are reported by their names, not by their trees")
    func order() throws {
        for (directory, name) in [("usr", "a"), ("etc", "b"), ("run", "c"), ("etc", "B")] {
            try tree.write(
                "x = 1\n" + echo(name == "B" ? 9 : Int(name.utf8.first ?? 0)),
                to: "\(directory)/services.d/\(name).toml")
        }
        let places = errors(trees).split(separator: "\n").filter { $0.contains("error:") }.map {
            $0.prefix { $0 != ":" }
        }
        #expect(
            places == [
                "etc/services.d/B.toml", "usr/services.d/a.toml", "etc/services.d/b.toml", "run/services.d/c.toml",
            ])
    }

    @Test("an empty file and a link to /dev/null mask what lies below")
    func masks() throws {
        for name in ["a", "b", "c"] {
            try tree.write(echo(Int(name.utf8.first ?? 0)), to: "usr/services.d/\(name).toml")
        }
        try tree.write("", to: "etc/services.d/a.toml")
        try tree.link("run/services.d/b.toml", to: "/dev/null")
        #expect(try services(trees) == ["c:99"])
        try tree.write("nonsense", to: "usr/serverd.toml")
        try tree.link("etc/serverd.toml", to: "/dev/null")
        #expect(try load(trees).settings == DaemonSettings())
    }

    @Test("the first serverd.toml replaces the others as a whole")
    func mainFile() throws {
        try tree.write("drain_timeout = \"1s\"\nstop_timeout = \"1s\"", to: "usr/serverd.toml")
        #expect(try load(trees).settings.drainTimeout == .seconds(1))
        try tree.write("stop_timeout = \"2s\"", to: "run/serverd.toml")
        #expect(try load(trees).settings == DaemonSettings(stopTimeout: .seconds(2)))
    }

    @Test("what is hidden, left behind by editors or dpkg, or in a subdirectory is no service")
    func skipped() throws {
        try tree.write(echo(1), to: "services.d/a.toml")
        for name in [
            ".b.toml", "a.toml~", "a.toml.dpkg-old", "a.toml.dpkg-new", "#a.toml#", "a.TOML", "README", "sub/c.toml",
        ] {
            try tree.write("nonsense", to: "services.d/\(name)")
        }
        try tree.write("", to: "serverd.toml")
        #expect(try services(.file(tree.path + "/serverd.toml")) == ["a:1"])
    }

    // MARK: What

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

    // MARK: Warnings

    private func warningLines() throws -> [String] {
        let configuration = try load(trees)
        return configuration.warnings(configuration.doubts(at: trees)).map {
            $0.headline.replacing(tree.path, with: "T")
        }
    }

    @Test("a program that could not be started is a warning, not an error")
    func warnings() throws {
        let user = geteuid() == 0 ? "user = \"root\"\n" : ""
        try tree.write("", to: "plain", mode: 0o644)
        for (index, program) in ["\(tree.path)/missing", "\(tree.path)/plain", tree.path, "/bin/sh"].enumerated() {
            try tree.write("\(user)exec = [\"\(program)\"]\nlisten = \(index + 1)", to: "etc/services.d/\(index).toml")
        }
        try tree.write("enabled = false\n\(user)exec = [\"/missing\"]\nlisten = 9", to: "etc/services.d/off.toml")
        let line = user.isEmpty ? 2 : 3
        let warnings = try warningLines()
        #expect(
            warnings == [
                "T/etc/services.d/0.toml:\(line): warning: service `0`: T/missing cannot be executed: No such file or directory (ENOENT)",
                "T/etc/services.d/1.toml:\(line): warning: service `1`: T/plain is not executable",
                "T/etc/services.d/2.toml:\(line): warning: service `2`: T is not a regular file",
            ])
    }

    @Test("a configuration without an enabled service says so, and where it has looked")
    func warningOfNothing() throws {
        try tree.write("enabled = false\nbuiltin = \"echo\"\nlisten = 9", to: "etc/services.d/off.toml")
        #expect(
            try warningLines() == [
                "warning: no service is enabled: serverd will listen on nothing; files of services are looked for as "
                    + "T/etc/services.d/NAME.toml, T/run/services.d/NAME.toml, T/usr/services.d/NAME.toml"
            ])
        #expect(ConfigurationLocation.file("serverd.toml").serviceDirectories == ["services.d"])
    }

    @Test("a file that looks like one of a service but for its name is a warning, and leftovers are none")
    func ignoredFiles() throws {
        try tree.write(echo(1), to: "etc/services.d/a.toml")
        for name in ["b.conf", "c.TOML", "d.toml.dpkg-old", "e.toml~", ".f.conf", "README", "g.conf.bak"] {
            try tree.write(echo(2), to: "etc/services.d/\(name)")
        }
        #expect(
            try warningLines() == [
                "warning: T/etc/services.d/b.conf is ignored: the name of a service's file ends in .toml",
                "warning: T/etc/services.d/c.TOML is ignored: the name of a service's file ends in .toml",
            ])
        #expect(try services(trees) == ["a:1"])
    }

    @Test("doubts are told in the log when serverd starts")
    func logged() throws {
        let log = try TestLog()
        let doubts: [ConfigurationDoubt] = [
            .ignoredFile("/etc/x.conf"), .nothingToServe(searched: ["/a", "/b"]),
            .shortage(connections: 9, descriptors: 8),
        ]
        for doubt in doubts { doubt.log(to: log.logger) }
        #expect(
            log.lines == [
                "<4>a file in services.d is ignored: the name of a service's file ends in .toml path=/etc/x.conf",
                "<4>no service is enabled: nothing is listened on searched=\"/a /b\"",
                "<4>the services may have more connections than serverd may open descriptors; raise LimitNOFILE, or lower "
                    + "max_connections limit=8 max_connections=9",
            ])
    }
}

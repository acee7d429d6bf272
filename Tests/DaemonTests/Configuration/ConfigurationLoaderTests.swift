// SPDX-License-Identifier: Apache-2.0
// Where the configuration is looked for, and which of its files count.

import Foundation
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("loading the configuration")
struct ConfigurationLoaderTests: ConfigurationLoading {
    let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

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
}

// SPDX-License-Identifier: Apache-2.0
// What is no mistake in a configuration, and perhaps not meant: the warnings.

import Foundation
import Policy
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("doubts about the configuration")
struct ConfigurationDoubtTests: ConfigurationLoading {
    let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

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

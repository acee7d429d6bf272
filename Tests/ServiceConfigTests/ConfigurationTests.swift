// SPDX-License-Identifier: Apache-2.0
// The whole configuration: settings of the daemon, services against each other, all errors at once.

import ServiceConfig
import Testing

@Suite("the configuration")
struct ConfigurationTests {
    private func settings(_ text: String) throws(ConfigErrors) -> DaemonSettings {
        try Configuration(main: SourceFile(path: "serverd.toml", text: text), services: [], context: asRoot).settings
    }

    /// The messages of the errors of echo services that listen on these addresses.
    private func conflicts(_ listens: String..., rest: String = "") -> [String] {
        let files = listens.enumerated().map { ("\($0).toml", "listen = \($1)\nbuiltin = \"echo\"\n\(rest)") }
        do {
            _ = try configuration(files)
            return []
        } catch {
            return error.errors.map(\.message)
        }
    }

    @Test("nothing at all is a configuration")
    func nothing() throws {
        let configuration = try Configuration(main: nil, services: [], context: asRoot)
        #expect(configuration.settings == DaemonSettings() && configuration.services.isEmpty)
        #expect(
            configuration.settings.drainTimeout == .seconds(30) && configuration.settings.stopTimeout == .seconds(10))
        #expect(try settings("# only a comment") == DaemonSettings())
    }

    @Test("timeouts are durations of up to a day")
    func timeouts() throws {
        let settings = try settings("drain_timeout = \"1min 30s\"\nstop_timeout = \"0s\"")
        #expect(settings == DaemonSettings(drainTimeout: .seconds(90), stopTimeout: .zero))
        #expect(try self.settings("drain_timeout = \"86400s\"").drainTimeout == .seconds(86_400))
        for wrong in ["\"86401s\"", "\"30\"", "30", "\"-1s\"", "\"\"", "\"1.5s\"", "\"soon\""] {
            #expect(throws: ConfigErrors.self) { try self.settings("stop_timeout = \(wrong)") }
        }
    }

    @Test("a service written into serverd.toml is told where it belongs")
    func serviceInMain() {
        for text in ["listen = 7", "[services.echo]\nlisten = 7", "[[service]]\nname = \"a\""] {
            let error = #expect(throws: ConfigErrors.self) { try self.settings(text) }
            #expect(error?.errors.first?.expected?.contains("services.d/NAME.toml") == true)
        }
        let misspelt = #expect(throws: ConfigErrors.self) { try self.settings("drain_timeuot = \"1s\"") }
        #expect(misspelt?.errors.map(\.suggestion) == ["drain_timeout"])
    }

    @Test("services are sorted by name, whatever the order of their files")
    func order() throws {
        let text = { (port: Int) in "listen = \(port)\nbuiltin = \"echo\"" }
        let configuration = try configuration([("b.toml", text(1)), ("c.toml", text(2)), ("a.toml", text(3))])
        #expect(configuration.services.map(\.name.description) == ["a", "b", "c"])
    }

    @Test("an address belongs to one service")
    func duplicates() {
        for address in ["79", "\"127.0.0.1:79\"", "\"/run/x\"", "\"@x\"", "\"fd:x\""] {
            let name = address.filter { $0 != "\"" }
            #expect(conflicts(address, address) == ["`\(name)` belongs to service `0` (0.toml:1) already"])
        }
        #expect(conflicts("79", "79", "79").count == 2)
    }

    @Test("a port of every address overlaps with that port of any address")
    func overlaps() {
        #expect(conflicts("79", "\"1.2.3.4:79\"") == ["`1.2.3.4:79` overlaps with `79` of service `0` (0.toml:1)"])
        #expect(conflicts("\"[::1]:79\"", "79") == ["`79` overlaps with `[::1]:79` of service `0` (0.toml:1)"])
        #expect(conflicts("\"0.0.0.0:79\"", "\"1.2.3.4:79\"").count == 1)
        #expect(conflicts("\"[::1]:79\"", "\"[::]:79\"").count == 1)
        #expect(conflicts("[79, \"127.0.0.1:79\"]").count == 1)
    }

    @Test("addresses that can be listened on side by side are no conflict")
    func noConflicts() {
        #expect(conflicts("0", "0", "\"127.0.0.1:0\"", "\"127.0.0.1:0\"") == [])
        #expect(conflicts("79", "80", "\"127.0.0.1:81\"", "\"127.0.0.2:81\"", "\"[::1]:81\"") == [])
        #expect(conflicts("\"0.0.0.0:79\"", "\"[::1]:79\"") == [])
        #expect(conflicts("\"/x\"", "\"@/x\"", "\"fd:x\"") == [])
    }

    @Test("a disabled service stands in nobody's way, but not in its own")
    func disabled() {
        #expect(conflicts("79", "79", rest: "enabled = false") == [])
        #expect(conflicts("[79, 79]", rest: "enabled = false").count == 1)
    }

    @Test("two files cannot define one service")
    func duplicateNames() {
        let error = #expect(throws: ConfigErrors.self) {
            try configuration([
                ("a/x.toml", "listen = 1\nbuiltin = \"echo\""), ("b/x.toml", "listen = 2\nbuiltin = \"echo\""),
            ])
        }
        #expect(error?.errors.map(\.message) == ["service `x` is defined in a/x.toml too"])
    }

    @Test("all errors of all files come at once, in the order of the files and of their lines")
    func allAtOnce() {
        let files = [
            SourceFile(path: "services.d/a.toml", text: "listen = 70000\nbuiltin = \"eco\"\nwat = 1"),
            SourceFile(path: "services.d/b.toml", contents: .failure(SourceFile.Problem("cannot be read: no"))),
            SourceFile(path: "services.d/c.toml", text: "listen = [79\n"),
            SourceFile(path: "services.d/d.toml", text: "x = 1\nlisten = 9\n"),
            SourceFile(path: "services.d/e.toml", text: "listen = 9\nbuiltin = \"echo\""),
        ]
        let main = SourceFile(path: "serverd.toml", text: "timeout = 1")
        let error = #expect(throws: ConfigErrors.self) {
            try Configuration(main: main, services: files, context: asRoot)
        }
        let places = error?.errors.map { "\($0.file):\($0.line ?? 0)" }
        #expect(
            places == [
                "serverd.toml:1", "services.d/a.toml:1", "services.d/a.toml:2", "services.d/a.toml:3",
                "services.d/b.toml:0", "services.d/c.toml:1", "services.d/d.toml:1", "services.d/d.toml:2",
                "services.d/e.toml:1",
            ])
        #expect(error?.description.hasSuffix("\n9 errors\n") == true)
    }

    @Test("a file may have 1 MiB and not a byte more")
    func size() throws {
        let text = "listen = 7\nbuiltin = \"echo\"\n#"
        for excess in [-1, 0] {
            let filler = String(repeating: "x", count: SourceFile.maximumSize - text.utf8.count + excess)
            #expect(try configuration([("x.toml", text + filler)]).services.count == 1)
        }
        let tooLarge = text + String(repeating: "x", count: SourceFile.maximumSize - text.utf8.count + 1)
        let error = #expect(throws: ConfigErrors.self) { try configuration([("x.toml", tooLarge)]) }
        #expect(error?.errors.map(\.message) == ["is larger than 1 MiB"])
    }

    @Test("the configuration that is installed opens no port")
    func installedFile() throws {
        let main = try SourceFile(path: "serverd.toml", text: Files.text(Files.root + "/etc/serverd.toml"))
        #expect(try Configuration(main: main, services: [], context: asRoot).settings == DaemonSettings())
    }

    @Test("the demo's services are right for root, and for others once they name no user")
    func demo() throws {
        let directory = Files.root + "/etc/demo"
        let main = try SourceFile(path: "serverd.toml", text: Files.text(directory + "/serverd.toml"))
        let names = try Files.names(directory + "/services.d")
        let texts = try names.map { try Files.text("\(directory)/services.d/\($0)") }
        let asIs = zip(names, texts).map { SourceFile(path: $0, text: $1) }
        let root = try Configuration(main: main, services: asIs, context: asRoot)
        #expect(root.services.map(\.name.description) == ["cat", "daytime", "echo", "environment", "time", "web"])
        let withoutUser = texts.map {
            $0.split(separator: "\n").filter { !$0.hasPrefix("user = ") }.joined(separator: "\n")
        }
        let files = zip(names, withoutUser).map { SourceFile(path: $0, text: $1) }
        #expect(try Configuration(main: main, services: files, context: asGit).services.count == root.services.count)
    }
}

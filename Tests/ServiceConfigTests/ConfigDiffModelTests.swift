// SPDX-License-Identifier: Apache-2.0
// Random pairs of configurations: the difference applied to the one gives the other, and it is always the same.

import Policy
import ServiceConfig
import Testing

@Suite("the difference of random configurations")
struct ConfigDiffModelTests {
    private static let settings = [
        "backlog = 5", "max_connections = 9", "description = \"x\"", "connect = true", "enabled = false",
        "on_handler_error = \"raise\"",
    ]
    private static let programSettings = [
        "group = \"staff\"", "umask = \"000\"", "environment = { A = \"1\" }", "success_exit_status = [\"SIGTERM\"]",
        "pass_environment = [\"TZ\"]", "working_directory = \"/srv\"", "allow_shutdown = true",
        "resources = { tasks = 16 }",
    ]

    /// Service files over a few names and addresses, so that pairs have much in common.
    private func files(using generator: inout SeededGenerator) -> [(String, String)] {
        var addresses = ["79", "\"127.0.0.1:80\"", "\"127.0.0.2:80\"", "\"/run/a\"", "\"@b\"", "\"fd:c\"", "81", "82"]
        addresses.shuffle(using: &generator)
        return ["a", "b", "c", "d"].compactMap { name in
            guard Bool.random(using: &generator) else { return nil }
            let own = addresses.suffix(.random(in: 1...2, using: &generator))
            addresses.removeLast(own.count)
            var lines = ["listen = [\(own.joined(separator: ", "))]"]
            if Bool.random(using: &generator) {
                lines += ["exec = [\"/bin/\(name)\"]", "user = \"git\""]
                let isTCP = own.contains { $0.contains(where: \.isNumber) || $0.contains("fd:") }
                let allowed = Self.programSettings.filter { isTCP || !$0.hasPrefix("allow") }
                if Bool.random(using: &generator) { lines += [allowed.randomElement(using: &generator) ?? ""] }
            } else {
                lines += ["builtin = \"echo\""]
            }
            if own.contains("\"/run/a\""), Bool.random(using: &generator) { lines += ["socket_mode = \"600\""] }
            if Bool.random(using: &generator) { lines += [Self.settings.randomElement(using: &generator) ?? ""] }
            return ("\(name).toml", lines.joined(separator: "\n"))
        }
    }

    private func listeners(_ configuration: Configuration) -> Set<String> {
        Set(
            configuration.services.filter(\.isEnabled).flatMap { service in
                service.listen.map { "\(service.name) \($0)" }
            })
    }

    @Test("a thousand pairs")
    func pairs() throws {
        var generator = SeededGenerator(state: 3)
        for _ in 0..<1000 {
            let (before, after) = (files(using: &generator), files(using: &generator))
            let (old, new) = (try configuration(before), try configuration(after))
            let diff = ConfigDiff(from: old, to: new)
            #expect(diff == ConfigDiff(from: try configuration(before.reversed()), to: new))
            #expect(diff.isEmpty == (old == new))
            #expect(diff.services.map(\.name) == Set((old.services + new.services).map(\.name)).sorted())
            #expect(
                diff.services.compactMap { service -> ServiceDefinition? in
                    switch service.kind {
                    case .added(let service), .unchanged(let service), .changed(_, let service): service
                    case .removed: nil
                    }
                } == new.services)
            try checkListeners(diff, old, new)
            for service in diff.services {
                if case .changed = service.kind { #expect(!service.settings.isEmpty) }
            }
        }
    }

    /// Applies the changes of listeners to those of the old configuration, in an order that they allow.
    private func checkListeners(_ diff: ConfigDiff, _ old: Configuration, _ new: Configuration) throws {
        var open = listeners(old)
        let changes = diff.services.flatMap { service in service.listeners.map { (service.name, $0) } }
        for (name, change) in changes {
            let listener = "\(name) \(change.address)"
            switch change.action {
            case .close: #expect(open.remove(listener) != nil)
            case .keep, .replace: #expect(open.contains(listener))
            case .open: break
            }
        }
        for (name, change) in changes {
            guard case .open(let others) = change.action else { continue }
            #expect(open.insert("\(name) \(change.address)").inserted)
            #expect(others.allSatisfy { !open.contains("\($0.service) \($0.address)") })
        }
        #expect(open == listeners(new))
        let drained = old.services.filter { $0.isEnabled && new[$0.name]?.isEnabled != true }.map(\.name)
        #expect(diff.drained == drained)
    }
}

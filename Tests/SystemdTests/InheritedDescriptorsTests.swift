// SPDX-License-Identifier: Apache-2.0
// Descriptors that were handed over: found by name, checked, and never kept by accident.

import Descriptors
import Glibc
import Systemd
import Testing

@Suite("Inherited descriptors")
struct InheritedDescriptorsTests {
    @Test("all descriptors of one name are taken one after the other, and others stay")
    func byName() throws {
        let (first, other, second) = (
            TestSockets.listeningInet().release(), TestSockets.listeningInet().release(),
            TestSockets.boundInet(TestSockets.stream).release()
        )
        var inherited = InheritedDescriptors(adopting: [("web", first), ("git", other), ("web", second)])
        #expect(try taken(&inherited, "web") == first)
        #expect(try taken(&inherited, "web") == second)
        #expect(try taken(&inherited, "web") == nil)
        #expect(inherited.closeUnclaimed().map(\.name) == ["git"])
    }

    @Test("listening and bound stream sockets are accepted, of the Internet and of Unix")
    func goodKinds() throws {
        let numbers = [
            TestSockets.listeningInet().release(), TestSockets.boundInet(TestSockets.stream).release(),
            TestSockets.listeningUnix(TestSockets.uniqueName()).release(),
            TestSockets.boundUnix(TestSockets.stream, TestSockets.uniqueName()).release(),
        ]
        var inherited = InheritedDescriptors(adopting: numbers.map { ("x", $0) })
        for number in numbers { #expect(try taken(&inherited, "x") == number) }
    }

    @Test(
        "a socket is bound whichever byte of its port is zero", .enabled(if: geteuid() == 0, "low ports are root's"),
        arguments: [0x0007, 0x9d00] as [UInt16])
    func ports(port: UInt16) {
        let descriptor = TestSockets.boundInet(TestSockets.stream, port: port)
        #expect(
            descriptor.use { DescriptorKind(of: $0) } == .listener(family: .inet, isListening: false))
    }

    @Test("anything else is refused with its number, its name, what it is and what was expected, and closed")
    func wrongKinds() {
        let kinds: [(CInt, String)] = [
            (TestSockets.boundInet(TestSockets.datagram).release(), "a datagram socket"),
            (
                TestSockets.boundUnix(TestSockets.packet, TestSockets.uniqueName()).release(),
                "a sequential-packet socket"
            ),
            (TestSockets.connected(TestSockets.stream).release(), "a connected stream socket"),
            (TestSockets.make(AF_INET, TestSockets.stream).release(), "a stream socket that is bound to no address"),
            (TestSockets.make(AF_INET6, TestSockets.stream).release(), "a stream socket that is bound to no address"),
            (TestSockets.make(AF_UNIX, TestSockets.stream).release(), "a stream socket that is bound to no address"),
            (TestSockets.opened("/proc/self/exe").release(), "a regular file"),
            (TestSockets.opened("/dev/null").release(), "a character device"),
            (TestSockets.opened("/").release(), "a directory"),
            (TestSockets.pipeEnd().release(), "a pipe"),
        ]
        let good = TestSockets.listeningInet().release()
        var inherited = InheritedDescriptors(adopting: kinds.map { ("web", $0.0) } + [("web", good)])
        for (number, kind) in kinds {
            let error = #expect(throws: InheritanceError.self) { try taken(&inherited, "web") }
            #expect(
                error?.description
                    == "cannot listen on inherited descriptor \(number) \"web\": it is \(kind), expected a listening or "
                    + "bound TCP or Unix stream socket; use ListenStream= with Accept=no in the .socket unit")
        }
        #expect(throws: Never.self) { try taken(&inherited, "web") == good }
    }

    @Test("what is refused is closed")
    func refusedIsClosed() {
        let name = TestSockets.uniqueName()
        let packets = TestSockets.boundUnix(TestSockets.packet, name).release()
        var inherited = InheritedDescriptors(adopting: [("web", packets)])
        #expect(throws: InheritanceError.self) { try taken(&inherited, "web") }
        // The name is free again, which it is only once the socket is closed.
        _ = TestSockets.boundUnix(TestSockets.packet, name)
    }

    @Test("what nobody takes is reported and closed")
    func unclaimed() async {
        // Alone in a process: elsewhere one that is being started may hold a copy for a moment, and keep the name taken.
        await #expect(processExitsWith: .success) {
            let name = TestSockets.uniqueName()
            let listener = TestSockets.listeningUnix(name).release()
            let file = TestSockets.opened("/dev/null").release()
            var inherited = InheritedDescriptors(adopting: [("web", listener), ("stored", file)])
            let unclaimed = inherited.closeUnclaimed()
            #expect(unclaimed.map(\.name) == ["web", "stored"])
            #expect(unclaimed.map(\.number) == [listener, file])
            #expect(unclaimed.map(\.kind.description) == ["a listening Unix socket", "a character device"])
            #expect(inherited.closeUnclaimed() == [])
            _ = TestSockets.listeningUnix(name)
        }
    }

    @Test("what is dropped without a word is closed too")
    func dropped() async {
        await #expect(processExitsWith: .success) {
            let name = TestSockets.uniqueName()
            do { _ = InheritedDescriptors(adopting: [("web", TestSockets.listeningUnix(name).release())]) }
            _ = TestSockets.listeningUnix(name)
        }
    }
}

@Suite("Descriptors announced by the environment")
struct ReceivedDescriptorsTests {
    @Test("they are found by name, close-on-exec, and the variables are gone")
    func received() async {
        await #expect(processExitsWith: .success) {
            let seen = try inForkedChild {
                inherit(TestSockets.listeningInet(), as: 3)
                inherit(TestSockets.listeningUnix(TestSockets.uniqueName()), as: 4)
                announce(count: "2", names: "web:admin")
                setenv("LISTEN_PIDFDID", "1", 1)
                var inherited = try InheritedDescriptors.receive()
                let flags = [3, 4].map { fcntl($0, F_GETFD) }
                let names = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID"]
                let variables = names.filter { (name: String) in getenv(name) != nil }
                let (admin, web) = (try taken(&inherited, "admin") ?? -1, try taken(&inherited, "web") ?? -1)
                return "flags \(flags) variables \(variables) admin \(admin) web \(web)"
            }
            #expect(seen == "flags [\(FD_CLOEXEC), \(FD_CLOEXEC)] variables [] admin 4 web 3")
        }
    }

    @Test("without names every descriptor is called unknown")
    func nameless() async {
        await #expect(processExitsWith: .success) {
            let seen = try inForkedChild {
                inherit(TestSockets.listeningInet(), as: 3)
                announce(count: "1", names: nil)
                return try names()
            }
            #expect(seen == "unknown")
        }
    }

    @Test("what is announced to nobody or to another process is not ours", arguments: [nil, "1"])
    func notOurs(pid: String?) async {
        await #expect(processExitsWith: .success) { [pid] in
            let seen = try inForkedChild {
                inherit(TestSockets.listeningInet(), as: 3)
                if let pid {
                    announce(count: "1", names: "web")
                    setenv("LISTEN_PID", pid, 1)
                }
                return "names: " + (try names())
            }
            #expect(seen == "names: ")
        }
    }

    @Test("more or fewer names than descriptors are an error that shows both", arguments: ["web", "web:git:admin"])
    func mismatch(announced: String) async {
        await #expect(processExitsWith: .success) { [announced] in
            let seen = try inForkedChild {
                inherit(TestSockets.listeningInet(), as: 3)
                inherit(TestSockets.listeningInet(), as: 4)
                announce(count: "2", names: announced)
                return try names()
            }
            #expect(seen.contains("LISTEN_FDS=2 and LISTEN_FDNAMES=\(announced) do not fit together: "))
        }
    }

    @Test("a descriptor that is announced but not open is an error")
    func notOpen() async {
        await #expect(processExitsWith: .success) {
            let seen = try inForkedChild {
                inherit(TestSockets.listeningInet(), as: 3)
                announce(count: "900", names: nil)
                return try names()
            }
            #expect(seen.contains("LISTEN_FDS=900"))
            #expect(seen.contains("not all of that number are open"))
        }
    }
}

/// The names of what this process receives.
private func names() throws -> String {
    var inherited = try InheritedDescriptors.receive()
    return inherited.closeUnclaimed().map(\.name).joined(separator: " ")
}

/// The number of the next descriptor of a name, which is closed.
private func taken(_ inherited: inout InheritedDescriptors, _ name: String) throws -> CInt? {
    switch try inherited.take(named: name) {
    case .some(let descriptor): descriptor.use { $0 }
    case nil: nil
    }
}

/// Puts the descriptor where a service manager would.
private func inherit(_ descriptor: consuming Descriptor, as number: CInt) {
    let original = descriptor.release()
    if original != number { precondition(dup2(original, number) == number) }
}

private func announce(count: String, names: String?) {
    setenv("LISTEN_PID", "\(getpid())", 1)
    setenv("LISTEN_FDS", count, 1)
    if let names { setenv("LISTEN_FDNAMES", names, 1) } else { unsetenv("LISTEN_FDNAMES") }
}

// SPDX-License-Identifier: Apache-2.0
// Messages that reach a service manager's socket, and the watchdog's variables. The environment belongs to the process, so
// each test runs in one of its own.

import Descriptors
import Glibc
import SystemPackage
import Systemd
import Testing

@Suite("The way to the service manager")
struct NotifierTests {
    @Test("a message reaches a socket with an abstract name, in one datagram")
    func abstractName() async {
        await #expect(processExitsWith: .success) {
            let name = TestSockets.uniqueName()
            let manager = TestSockets.boundUnix(TestSockets.datagram, name)
            setenv("NOTIFY_SOCKET", name, 1)
            let notifier = Notifier()
            #expect(notifier.isConnected)
            try notifier.send(NotifyMessage(.ready, .status("serving")))
            try notifier.send(NotifyMessage(.alive))
            #expect(received(manager) == "READY=1\nSTATUS=serving")
            #expect(received(manager) == "WATCHDOG=1")
        }
    }

    @Test("a message reaches a socket with a path")
    func path() async {
        await #expect(processExitsWith: .success) {
            let path = "/tmp/serverd-notify-\(getpid())"
            let manager = TestSockets.boundUnix(TestSockets.datagram, path)
            defer { unlink(path) }
            setenv("NOTIFY_SOCKET", path, 1)
            try Notifier().send(NotifyMessage(.stopping))
            #expect(received(manager) == "STOPPING=1")
        }
    }

    @Test("the variable stays, so that later messages find the socket")
    func variableStays() async {
        await #expect(processExitsWith: .success) {
            let name = TestSockets.uniqueName()
            let manager = TestSockets.boundUnix(TestSockets.datagram, name)
            setenv("NOTIFY_SOCKET", name, 1)
            try Notifier().send(NotifyMessage(.ready))
            #expect(getenv("NOTIFY_SOCKET") != nil)
            #expect(received(manager) == "READY=1")
        }
    }

    @Test("without NOTIFY_SOCKET, or with an empty one, nothing is sent and nothing fails", arguments: [nil, ""])
    func withoutManager(variable: String?) async {
        await #expect(processExitsWith: .success) { [variable] in
            unsetenv("NOTIFY_SOCKET")
            if let variable { setenv("NOTIFY_SOCKET", variable, 1) }
            #expect(!Notifier().isConnected)
            try Notifier().send(NotifyMessage(.ready))
        }
    }

    @Test("a socket that nobody holds is an error")
    func nobodyThere() async {
        await #expect(processExitsWith: .success) {
            setenv("NOTIFY_SOCKET", TestSockets.uniqueName(), 1)
            #expect(throws: Errno.connectionRefused) { try Notifier().send(NotifyMessage(.ready)) }
        }
    }

    @Test("the watchdog's interval is half of what the manager announces to this process")
    func watchdog() async {
        await #expect(processExitsWith: .success) {
            setenv("WATCHDOG_USEC", "30000000", 1)
            unsetenv("WATCHDOG_PID")
            let watchdog = try Watchdog.announced()
            #expect(watchdog?.interval == .seconds(15))
            setenv("WATCHDOG_PID", "\(getpid())", 1)
            let addressed = try Watchdog.announced()
            #expect(addressed == Watchdog(timeout: .seconds(30)))
        }
    }

    @Test("there is no watchdog without the variables, or with another process's")
    func noWatchdog() async {
        await #expect(processExitsWith: .success) {
            unsetenv("WATCHDOG_USEC")
            let unannounced = try Watchdog.announced()
            #expect(unannounced == nil)
            setenv("WATCHDOG_USEC", "30000000", 1)
            setenv("WATCHDOG_PID", "1", 1)
            let another = try Watchdog.announced()
            #expect(another == nil)
        }
    }

    @Test("malformed watchdog variables are an error")
    func malformedWatchdog() async {
        await #expect(processExitsWith: .success) {
            setenv("WATCHDOG_USEC", "soon", 1)
            #expect(throws: Errno.invalidArgument) { try Watchdog.announced() }
        }
    }
}

/// The datagram that is waiting.
private func received(_ socket: borrowing Descriptor) -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = socket.use { recv($0, &bytes, bytes.count, CInt(MSG_DONTWAIT)) }
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}

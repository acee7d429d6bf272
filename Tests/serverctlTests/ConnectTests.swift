// SPDX-License-Identifier: Apache-2.0
// The verb connect: both ways of the connection, and its ends.

internal import Descriptors
internal import Glibc
internal import ManagerInterface
internal import Testing
internal import Varlink

@testable internal import serverctl

@Suite("serverctl connect")
struct ConnectTests {
    private static let accepted = Reply.encode(Manager.Connect.Result(id: 1))

    /// Runs the verb between these descriptors, against a service that does what `serve` does.
    private func run(
        from input: CInt, to output: CInt, greeting: String = "",
        serve: @escaping @Sendable (borrowing Descriptor) -> Void
    ) throws -> Run {
        try withScriptedDaemon(
            { call in
                let asked = try? call.parameters(as: ServiceParameters.self)
                guard call.name == "Connect", call.mode == .upgrade, asked?.service == "git" else { return nil }
                return Self.accepted + Array(greeting.utf8)
            }, upgraded: serve
        ) { path in Run(["--admin-socket", path, "connect", "git"], input: input, output: output) }
    }

    /// Runs the verb between pipes, with this input.
    private func run(
        input: [UInt8], greeting: String = "", serve: @escaping @Sendable (borrowing Descriptor) -> Void
    ) throws -> (run: Run, output: String) {
        try withPipe { inputReader, inputWriter in
            try withPipe { outputReader, outputWriter in
                _ = inputWriter.take()?.use { write($0, input, input.count) }
                let output = outputWriter.take()
                let result = try run(
                    from: inputReader.use(\.self), to: output?.use(\.self) ?? -1, greeting: greeting, serve: serve)
                output?.close()
                return (result, String(decoding: readAll(outputReader), as: UTF8.self))
            }
        }
    }

    @Test("what comes before and after the reply reaches the output, and the input the service, to its end")
    func bothWays() throws {
        let (result, output) = try run(input: Array("hello".utf8), greeting: "220 ") { socket in
            let received = readAll(socket)
            _ = socket.use { send($0, received, received.count, CInt(MSG_NOSIGNAL)) }
        }
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(output == "220 hello")
    }

    @Test("a service that ends at once ends the verb, whatever is still to be sent")
    func endsAtOnce() throws {
        let (result, output) = try run(input: [UInt8](repeating: 0x61, count: 60_000)) { socket in
            _ = socket.use { send($0, "bye", 3, CInt(MSG_NOSIGNAL)) }
        }
        #expect(result.status == .done && result.errors.isEmpty)
        #expect(output == "bye")
    }

    @Test("much goes both ways: all of it arrives, in its order")
    func much() throws {
        let bytes = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 / 251) }
        let input = try temporaryFile()
        let output = try temporaryFile()
        _ = input.use { pwrite($0, bytes, bytes.count, 0) }
        let result = try run(from: input.use(\.self), to: output.use(\.self)) { socket in
            let received = readAll(socket)
            var rest = received[...]
            while !rest.isEmpty,
                case let count = rest.withUnsafeBytes({ piece in
                    socket.use { send($0, piece.baseAddress, piece.count, CInt(MSG_NOSIGNAL)) }
                }), count > 0
            {
                rest = rest.dropFirst(count)
            }
        }
        #expect(result.status == .done && result.errors.isEmpty)
        _ = output.use { lseek($0, 0, SEEK_SET) }
        #expect(readAll(output) == bytes)
    }

    @Test("an output that takes nothing, or little, does not keep the service from its input", arguments: [0, 1])
    func fullOutput(freePages: Int) throws {
        try withPipe { reader, writer in
            let (readNumber, writeNumber) = (reader.use(\.self), writer?.use(\.self) ?? -1)
            let page = [UInt8](repeating: 0, count: 4096)
            try #require(fcntl(writeNumber, F_SETFL, O_NONBLOCK) == 0)
            while write(writeNumber, page, page.count) > 0 {}
            var zeros = page
            for _ in 0..<freePages { try #require(read(readNumber, &zeros, zeros.count) == page.count) }
            let greeting = String(repeating: "x", count: 3 * page.count)
            try #require(fcntl(writeNumber, F_SETFL, 0) == 0)
            let input = try temporaryFile()
            _ = input.use { pwrite($0, "hello", 5, 0) }
            let result = try run(from: input.use(\.self), to: writeNumber, greeting: greeting) { socket in
                // Only when all of the input is here does the output take anything again.
                guard readAll(socket) == Array("hello".utf8) else { return }
                var buffer = [UInt8](repeating: 0, count: 1 << 20)
                read(readNumber, &buffer, buffer.count)
            }
            writer = nil
            #expect(result.status == .done && result.errors.isEmpty)
            let rest = greeting.utf8.dropFirst(freePages * page.count)
            #expect(readAll(reader) == Array(rest))
        }
    }

    @Test(
        "a service that cannot be connected to is told, with what helps",
        arguments: [
            (VarlinkError(Manager.NotConnectable(service: "git")), .failed, "does not have \"connect = true\""),
            (VarlinkError(Manager.ServiceFull(service: "git", connectionLimit: 5)), .failed, "as it may, 5; try again"),
            (VarlinkError.noSuchService("git", nearest: "got"), .notAvailable, "did you mean \"got\"?"),
            (
                VarlinkError(Manager.NotPermitted(method: "Connect", needs: .connect)), .notAvailable,
                "named in admin_connect of"
            ),
            (VarlinkError(Manager.WrongState(service: "git", state: .closed)), .failed, "open it with"),
            (VarlinkError(Manager.DaemonStopping()), .failed, "serverd is ending"),
        ] as [(VarlinkError, Outcome, String)])
    func refused(error: VarlinkError, status: Outcome, text: String) throws {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        let descriptor = Descriptor(adopting: null)
        let result = try withScriptedDaemon { _ in
            Reply.encode(error)
        } body: { path in
            let number = descriptor.use(\.self)
            return Run(["--admin-socket", path, "connect", "git"], input: number, output: number)
        }
        #expect(result.status == status && result.output.isEmpty)
        #expect(result.errors.hasPrefix("serverctl: cannot connect to service \"git\": "))
        #expect(result.errors.contains(text))
    }

    @Test("an output that cannot be written to is a failure that says so")
    func brokenOutput() throws {
        let full = Descriptor(adopting: open("/dev/full", O_RDWR | O_CLOEXEC))
        let input = try temporaryFile()
        let result = try run(from: input.use(\.self), to: full.use(\.self), greeting: "220 ") { _ in }
        #expect(result.status == .failed)
        #expect(
            result.errors == "serverctl: cannot write to the standard output: No space left on device (ENOSPC); the "
                + "connection is closed\n")
    }

    @Test("an output that nobody reads any more ends the connection, with a message where SIGPIPE is ignored")
    func unreadOutput() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_IGN)
            let result = try ConnectTests().runUnread()
            #expect(result.status == .failed)
            #expect(
                result.errors == "serverctl: cannot write to the standard output: Broken pipe (EPIPE); the "
                    + "connection is closed\n")
        }
        await #expect(processExitsWith: .signal(SIGPIPE)) {
            signal(SIGPIPE, SIG_DFL)
            _ = try ConnectTests().runUnread()
        }
    }

    /// Runs the verb with an input that does not end and an output that nobody reads, against a service that greets and
    /// waits for the connection's end.
    private func runUnread() throws -> Run {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        Descriptor(adopting: ends[0]).close()
        let output = Descriptor(adopting: ends[1])
        return try withPipe { input, _ in
            try run(from: input.use(\.self), to: output.use(\.self), greeting: "220 ") { _ = readAll($0) }
        }
    }

    @Test("a service that reads no more is listened to until its end, and what it would not get is not taken")
    func deafService() throws {
        try withPipe { inputReader, inputWriter in
            try withPipe { outputReader, outputWriter in
                let (input, source) = (inputReader.use(\.self), inputWriter?.use(\.self) ?? -1)
                let (sink, output) = (outputReader.use(\.self), outputWriter?.use(\.self) ?? -1)
                let result = try run(from: input, to: output) { socket in
                    _ = socket.use { shutdown($0, CInt(SHUT_RD)) }
                    write(source, "lost", 4)
                    // Who has taken it finds out at once that it cannot be sent.
                    while unread(in: input) > 0 { sched_yield() }
                    write(source, "left", 4)
                    _ = socket.use { send($0, "bye", 3, CInt(MSG_NOSIGNAL)) }
                    var said = [UInt8](repeating: 0, count: 3)
                    read(sink, &said, said.count)
                    #expect(said == Array("bye".utf8))
                }
                #expect(result.status == .done && result.errors.isEmpty)
                #expect(unread(in: input) == 4)
            }
        }
    }

    @Test("an input or output that is not open is wrong usage, before anybody is asked")
    func closed() {
        let result = Run(["--admin-socket", "/nowhere", "connect", "git"], input: -1, output: 1)
        #expect(result.status == .usage)
        #expect(result.errors.contains("the standard input and output must be open"))
    }
}

/// Runs `body` with both ends of a pipe.
private func withPipe<Result>(
    _ body: (borrowing Descriptor, inout Descriptor?) throws -> Result
) throws -> Result {
    var numbers: [CInt] = [-1, -1]
    try #require(pipe(&numbers) == 0)
    let reader = Descriptor(adopting: numbers[0])
    var writer: Descriptor? = Descriptor(adopting: numbers[1])
    return try body(reader, &writer)
}

/// How many bytes a pipe holds.
private func unread(in pipe: CInt) -> CInt {
    var count: CInt = -1
    _ = ioctl(pipe, UInt(FIONREAD), &count)
    return count
}

/// All bytes until the end.
private func readAll(_ descriptor: borrowing Descriptor) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = descriptor.use({ read($0, &buffer, buffer.count) }), count > 0 {
        bytes += buffer.prefix(count)
    }
    return bytes
}

/// A file without a name.
private func temporaryFile() throws -> Descriptor {
    var template = Array("/tmp/serverctlTests.XXXXXX".utf8CString)
    let number = mkstemp(&template)
    try #require(number >= 0)
    unlink(template)
    return Descriptor(adopting: number)
}

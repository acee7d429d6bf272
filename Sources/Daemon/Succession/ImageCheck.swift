// SPDX-License-Identifier: Apache-2.0
// Asks another program, before it takes this one's place, whether it could: as a child that only looks.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import SystemPackage

/// The question whether a program can go on with a state, and with the configuration as it is.
struct ImageCheck {
    /// The argument by which it is asked; the state is its standard input.
    static let argument = "--check-state"
    /// How long it may take.
    static let patience = Duration.seconds(5)
    /// How much of what it says is read.
    private static let longestAnswer = 64 * 1024
    private static let answer = "serverd "
    private static let answerEnd = " can take over"

    /// Why the program cannot take over, for a person.
    struct Refusal: Error {
        let text: String
    }

    /// The program.
    let path: String
    /// With what this image was started, and the other would be.
    let arguments: [String]
    /// What the program is started with, as handlers are.
    let context: ServiceContext

    /// What a program says that can.
    static var ownAnswer: String { answer + Version.text + answerEnd }

    /// Asks; the program's version.
    ///
    /// It is started as a handler is, with the state as its standard input, and memory as its standard error.
    func run(_ state: borrowing Descriptor) async throws(Refusal) -> String {
        let output: Descriptor
        let process: HandlerProcess
        do throws(Errno) { output = Descriptor(adopting: try Errno.check(clinux_memory_file("serverd-check"))) } catch {
            throw Refusal(text: "cannot ask it: \(error.textWithName)")
        }
        do {
            process = try await start(state.use { $0 }, output.use { $0 })
        } catch {
            throw Refusal(text: "cannot execute it: \(error)")
        }
        process.stop(.wait(Self.patience))
        let report = await process.exited()
        let said = Self.text(in: output)
        guard report.ending == .exited(code: 0) else {
            throw Refusal(text: Self.description(of: report, stage: process.stopStage, said))
        }
        guard let version = Self.version(in: said) else {
            throw Refusal(text: "it is no serverd that can take over: it says \"\(SafeText.escape(said))\"")
        }
        return version
    }

    private nonisolated(nonsending) func start(_ state: CInt, _ output: CInt) async throws -> HandlerProcess {
        var command = HandlerCommand(service: "serverd", path: path, arguments: arguments + [Self.argument])
        command.environment = context.environment
        command.workingDirectory = Self.workingDirectory
        let slot = await context.spawner.slot(for: try PreparedCommand(command))
        let process = try HandlerProcess.spawn(
            in: slot,
            environment: HandlerEnvironment(
                connection: 0, peer: .unix(.unnamed), local: .unix(.unnamed), identity: nil),
            socket: state, standardError: StandardErrorSink(lending: output), by: context.spawner)
        try await process.executed()
        return process
    }

    private static var workingDirectory: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    private static func text(in file: borrowing Descriptor) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: longestAnswer) { buffer, count in
            count = max(0, file.use { pread($0, buffer.baseAddress, buffer.count, 0) })
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return String(text.reversed().drop { $0.isNewline }.reversed())
    }

    private static func version(in said: String) -> String? {
        let last = said.split(separator: "\n").last ?? ""
        guard last.hasPrefix(answer), last.hasSuffix(answerEnd) else { return nil }
        return String(last.dropFirst(answer.count).dropLast(answerEnd.count))
    }

    private static func description(
        of report: ExitReport, stage: HandlerProcess.StopStage, _ said: String
    ) -> String {
        let reason = said.isEmpty ? "it says nothing" : said
        switch report.ending {
        case _ where stage == .killed: return "it did not answer within \(patience.text)"
        case .exited(let code): return "it cannot take over (exit code \(code)): \(reason)"
        case .killed(let signal, _): return "it was ended by \(SignalName.text(signal)): \(reason)"
        case .unknown: return "nobody knows how it ended: \(reason)"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// How the daemon starts, before there is a loop: what must come first, and where its errors go.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SystemPackage
internal import Systemd

/// How the daemon starts, or only checks its configuration.
package struct StartSequence: Sendable {
    /// Where the admin socket is, unless told otherwise.
    package static let defaultAdminSocket = Manager.defaultSocketPath

    /// What `serverd --version` says.
    package static let versionLine = "serverd \(Version.text)"

    private let location: ConfigurationLocation
    private let adminSocket: String
    private let logFormat: LogDestination.Request

    /// A sequence that has not begun.
    package init(configuration: ConfigurationLocation, adminSocket: String, logFormat: LogDestination.Request) {
        location = configuration
        self.adminSocket = adminSocket
        self.logFormat = logFormat
    }

    /// Checks the configuration: its errors go to standard error, what may be a mistake too.
    package func check() -> ExitCode {
        do throws(ConfigErrors) {
            let configuration = try loadConfiguration(from: location, context: .current())
            for warning in configuration.warnings(configuration.doubts(at: location)) { Self.tell(warning.headline) }
            // A person wonders whether it has looked; a script wants nothing to read.
            if isatty(STDOUT_FILENO) == 1 {
                Self.tell("\(CountText.of(configuration.services.count, "service")), no errors", on: STDOUT_FILENO)
            }
            return .success
        } catch {
            Self.tell(error.description)
            return .configuration
        }
    }

    /// Runs the daemon until it is told to stop.
    package func run() -> ExitCode {
        // First: before anything else opens a descriptor, starts a thread, or can be interrupted.
        ProcessEnvironment.openStandardDescriptors()
        if getpid() == 1, clinux_run_below_init() < 0 {
            Self.tell("serverd: cannot start as the first process: \(Errno(rawValue: errno).textWithName)")
            return .operatingSystem
        }
        ShutdownSignals.block()
        // Now: the kernel follows a file that is moved, and what is at the path then is to be executed.
        _ = Image.ownPath
        ProcessEnvironment.leaveSessionKeyring()
        var inheritance: Inheritance?
        do {
            let inherited = try Inheritance.receive()
            inheritance = inherited
            ProcessEnvironment.raiseDescriptorLimit()
            let configuration = try configuration(following: inherited)
            let writer = try makeWriter()
            defer { writer.finish() }
            let daemon = Daemon(
                configuration, from: ConfigurationSource(location), doubts: configuration.doubts(at: location),
                adminSocket: adminSocket, inheritance: inherited, writer: writer,
                watchdog: try announcedWatchdog())
            try daemon.run()
            return .success
        } catch let errors as ConfigErrors {
            inheritance?.goBack(because: errors.description)
            Self.tell(errors.description)
            return .configuration
        } catch {
            let failure = error as? StartFailure ?? StartFailure("cannot start", error)
            inheritance?.goBack(because: failure.description)
            Self.tell("serverd: \(failure)")
            return failure.code
        }
    }

    /// Says whether this program could go on in place of another image of the daemon, whose state is standard input,
    /// and with the configuration as it is.
    package func checkState() -> ExitCode {
        do throws(SuccessionState.Defect) { _ = try SuccessionState(from: STDIN_FILENO) } catch {
            Self.tell(error.description)
            return .operatingSystem
        }
        do throws(ConfigErrors) { _ = try loadConfiguration(from: location, context: .current()) } catch {
            Self.tell(error.description)
            return .configuration
        }
        Self.tell(ImageCheck.ownAnswer)
        return .success
    }

    /// What to serve by.
    ///
    /// For an image that was gone back to it is what it served by before: what the files say now may be what its successor
    /// could not start with.
    private func configuration(following inherited: Inheritance) throws(ConfigErrors) -> Configuration {
        let context = ConfigurationContext.current()
        if let state = inherited.state, state.failure != nil,
            let kept = try? state.configuration?.configuration(context)
        {
            return kept
        }
        return try loadConfiguration(from: location, context: context)
    }

    private func announcedWatchdog() throws -> Watchdog? {
        do { return try Watchdog.announced() } catch {
            throw StartFailure(
                .operatingSystem,
                "cannot read the watchdog's time from WATCHDOG_USEC and WATCHDOG_PID: \(error.textWithName)")
        }
    }

    private func makeWriter() throws -> LogWriter {
        do {
            let isContained = getenv(CLINUX_BELOW_INIT) != nil
            // A container's log is its standard output. One of our own: it lives as long as its owner.
            let stream = try Descriptor.duplicating(isContained && logFormat == .json ? STDOUT_FILENO : STDERR_FILENO)
            return try LogWriter(LogDestination(logFormat, .ofThisProcess), stream: stream, notifier: Notifier())
        } catch {
            throw StartFailure("cannot start the log", error)
        }
    }

    /// Says something for a person or for systemd: before there is a log.
    private static func tell(_ text: String, on descriptor: CInt = STDERR_FILENO) {
        let line = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
        _ = write(descriptor, line, line.count)
    }
}

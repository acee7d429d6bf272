// SPDX-License-Identifier: Apache-2.0
// The connection to the daemon's admin socket: blocking, one call after the other.

internal import Descriptors
internal import Glibc
internal import Policy
internal import SystemPackage
internal import Varlink

/// A client of `io.serverd.Manager`.
///
/// It waits for the daemon at most ``timeout`` at each step. What goes wrong is a ``Failure`` that names the socket.
struct ManagerClient: ~Copyable {
    /// How long the daemon may take to accept, to take bytes, or to send some.
    static let timeout = Duration.seconds(10)
    private let socket: Descriptor
    private let path: String
    private var session = ClientSession()

    /// Connects to the socket at `path`.
    init(path: String, timeout: Duration = Self.timeout) throws(Failure) {
        self.path = path
        guard var address = sockaddr_un(path: path) else {
            let longest = MemoryLayout<sockaddr_un>.size - MemoryLayout<sa_family_t>.size - 1
            throw Failure(
                status: .usage,
                message: "the admin socket's path must have 1 to \(longest) bytes and no NUL: \"\(path)\"")
        }
        do throws(Errno) {
            let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            let socket = Descriptor(adopting: try Errno.check(Glibc.socket(AF_UNIX, type, 0)))
            try socket.setTimeouts(timeout)
            try socket.connect(to: &address)
            self.socket = socket
        } catch {
            throw Failure(connecting: path, error)
        }
    }

    /// Calls a method that replies once.
    ///
    /// The error that it replies with is thrown as what `failure` makes of it, else as one that names it.
    mutating func call<Result: VarlinkObject>(
        _ method: String, _ parameters: some VarlinkObject, failure: (VarlinkError) -> Failure? = { _ in nil }
    ) throws(Failure) -> Result {
        try send(session.call(method, parameters))
        let reply = try reply(to: method)
        guard let error = reply.error else {
            do throws(ProtocolViolation) { return try reply.parameters() } catch { throw notUnderstood(method, error) }
        }
        if let known = failure(error) { throw known }
        guard error != .permissionDenied else {
            throw Failure(
                status: .unreachable, message: "\(method) at \(path): not permitted; run serverctl as root")
        }
        let fields =
            error.parameters.isEmpty ? "" : " " + String(decoding: JSONText.encode(error.parameters), as: UTF8.self)
        throw Failure(status: .failed, message: "\(method) at \(path) failed: \(error.name)\(fields)")
    }

    private func notUnderstood(_ method: String, _ violation: ProtocolViolation) -> Failure {
        Failure(
            status: .failed,
            message: "cannot understand the reply to \(method) from \(path): \(violation); is it serverd's socket, "
                + "and of the same version as serverctl?")
    }

    private func send(_ message: [UInt8]) throws(Failure) {
        var rest = message[...]
        while !rest.isEmpty {
            do throws(Errno) {
                rest = rest.dropFirst(try socket.send(rest))
            } catch {
                throw Failure(talking: path, "cannot send to", error)
            }
        }
    }

    private mutating func reply(to method: String) throws(Failure) -> Reply {
        while true {
            do throws(ProtocolViolation) {
                if let reply = try session.nextReply() { return reply }
            } catch {
                throw notUnderstood(method, error)
            }
            let bytes: [UInt8]
            do throws(Errno) {
                bytes = try socket.receive()
            } catch {
                throw Failure(talking: path, "no reply to \(method) from", error)
            }
            guard !bytes.isEmpty else {
                throw Failure(
                    status: .failed,
                    message: "no reply to \(method) from \(path): the daemon closed the connection; see serverd's log")
            }
            session.receive(bytes)
        }
    }
}

extension Failure {
    /// A connection that did not come about.
    fileprivate init(connecting path: String, _ errno: Errno) {
        let advice: (Outcome, String) =
            switch errno {
            case .noSuchFileOrDirectory, .notDirectory:
                (.unreachable, "is serverd running, and is this its --admin-socket?")
            case .connectionRefused: (.unreachable, "nothing listens there any more; is serverd running?")
            case .permissionDenied, .notPermitted: (.unreachable, "run serverctl as root")
            case .wouldBlock: (.failed, "serverd does not accept; see its log")
            default: (.failed, "is it serverd's admin socket?")
            }
        self.init(status: advice.0, message: "cannot connect to \(path): \(errno.textWithName); \(advice.1)")
    }

    /// A connection on which something went wrong.
    fileprivate init(talking path: String, _ action: String, _ errno: Errno) {
        let reason = errno == .wouldBlock ? "it took too long; serverd is stuck, see its log" : errno.textWithName
        self.init(status: .failed, message: "\(action) \(path): \(reason)")
    }
}

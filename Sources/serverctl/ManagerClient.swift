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
    /// The error that it replies with is thrown as a failure to do `action`.
    mutating func call<Method: VarlinkMethod>(
        _ method: Method.Type, _ parameters: Method.Parameters, to action: String
    ) throws(Failure) -> Method.Result {
        try send(session.call(method, parameters))
        return try result(of: method, in: try reply(to: method.fullName), to: action)
    }

    /// Calls a method that replies as often as it likes.
    ///
    /// Each reply is given to `receive`, which tells whether it wants more; if not, no other call can be made.
    mutating func stream<Method: VarlinkMethod>(
        _ method: Method.Type, _ parameters: Method.Parameters, to action: String,
        receive: (Method.Result) throws(Failure) -> Bool
    ) throws(Failure) {
        try send(session.call(method, parameters, mode: .more))
        while true {
            let reply = try reply(to: method.fullName)
            let wantsMore = try receive(try result(of: method, in: reply, to: action))
            guard reply.continues, wantsMore else { return }
        }
    }

    /// Has the daemon take as long as it likes from now on.
    borrowing func waitForever() throws(Failure) {
        do throws(Errno) {
            try socket.setTimeouts(.zero)
        } catch {
            throw Failure(talking: path, "cannot wait for", error)
        }
    }

    private func result<Method: VarlinkMethod>(
        of method: Method.Type, in reply: Reply, to action: String
    ) throws(Failure) -> Method.Result {
        if let error = reply.error {
            throw Failure(error, calling: method.fullName, at: path, to: action)
        }
        do throws(ProtocolViolation) {
            return try reply.parameters()
        } catch {
            throw notUnderstood(method.fullName, error)
        }
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
            } catch .brokenPipe {
                // The daemon has closed the connection, and may have said why before.
                return
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

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
        _ method: Method.Type, _ parameters: Method.Parameters, to action: String, mode: CallMode = .once
    ) throws(Failure) -> Method.Result {
        try send(session.call(method, parameters, mode: mode))
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
            // Whoever begins meanwhile, and is given this processor, is not to wait for the rest of our time slice.
            sched_yield()
        }
    }

    /// Sends a call whose reply is taken with ``answer(to:to:)`` when it is there.
    mutating func begin<Method: VarlinkMethod>(
        _ method: Method.Type, _ parameters: Method.Parameters, mode: CallMode = .once
    ) throws(Failure) {
        try send(session.call(method, parameters, mode: mode))
    }

    /// Takes what the daemon has sent, which is waited for; `method` is what it is expected to reply to.
    mutating func receive(for method: String) throws(Failure) {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try socket.receive()
        } catch .connectionReset {
            // It closed the connection without having read all calls.
            bytes = []
        } catch {
            throw Failure(talking: path, "no reply to \(method) from", error)
        }
        guard !bytes.isEmpty else {
            throw Failure(
                status: .failed,
                message: "no reply to \(method) from \(path): the daemon closed the connection; see serverd's log",
                isEnd: true)
        }
        session.receive(bytes)
    }

    /// The next reply, which is to this method, if all of it has been received.
    mutating func answer<Method: VarlinkMethod>(
        to method: Method.Type, to action: String
    ) throws(Failure) -> Method.Result? {
        guard let reply = try received(for: method.fullName) else { return nil }
        return try result(of: method, in: reply, to: action)
    }

    /// The failure of a daemon that has not replied to a method within ``timeout``.
    func late(_ method: String) -> Failure { Failure(talking: path, "no reply to \(method) from", .wouldBlock) }

    /// The socket's number, to wait for what can be received.
    var number: CInt { socket.use(\.self) }

    /// Has the daemon take as long as it likes from now on.
    borrowing func waitForever() throws(Failure) {
        do throws(Errno) {
            try socket.setTimeouts(.zero)
        } catch {
            throw Failure(talking: path, "cannot wait for", error)
        }
    }

    /// Gives `body` the connection after an upgrade, and what has been received of the new protocol already.
    consuming func useUpgraded<Result>(
        _ body: (borrowing Descriptor, ArraySlice<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(socket, session.unconsumed)
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

    private mutating func received(for method: String) throws(Failure) -> Reply? {
        do throws(ProtocolViolation) {
            return try session.nextReply()
        } catch {
            throw notUnderstood(method, error)
        }
    }

    private mutating func reply(to method: String) throws(Failure) -> Reply {
        while true {
            if let reply = try received(for: method) { return reply }
            try receive(for: method)
        }
    }
}

extension Failure {
    /// A connection that did not come about.
    fileprivate init(connecting path: String, _ errno: Errno) {
        let advice: (Outcome, String) =
            switch errno {
            case .noSuchFileOrDirectory, .notDirectory:
                (.notAvailable, "is serverd running, and is this its --admin-socket?")
            case .connectionRefused: (.notAvailable, "nothing listens there any more; is serverd running?")
            case .permissionDenied, .notPermitted: (.notAvailable, "run serverctl as root")
            case .wouldBlock: (.failed, "serverd does not accept; see its log")
            default: (.failed, "is it serverd's admin socket?")
            }
        self.init(status: advice.0, message: "cannot connect to \(path): \(errno.textWithName); \(advice.1)")
    }

    /// A connection on which something went wrong.
    fileprivate init(talking path: String, _ action: String, _ errno: Errno) {
        let reason =
            errno == .wouldBlock ? "it took too long; see serverd's log for what it is doing" : errno.textWithName
        self.init(status: .failed, message: "\(action) \(path): \(reason)")
    }
}

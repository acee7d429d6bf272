// SPDX-License-Identifier: Apache-2.0
// What the errors that the daemon replies with mean to whoever runs serverctl.

internal import ManagerInterface
internal import Policy
internal import Varlink

extension Failure {
    /// The failure to do `action`, an infinitive with its object, because the daemon replied with `error`.
    init(_ error: VarlinkError, calling method: String, at path: String, to action: String) {
        let reason =
            Self.permission(error, at: path) ?? Self.unknownName(error) ?? Self.obstacle(error)
            ?? Self.wrongRequest(error, calling: method) ?? Self.overload(error) ?? Self.otherVersion(
                error, calling: method, at: path)
            ?? Reason("\(method) at \(path) failed: \(Self.text(of: error))")
        self.init(status: reason.status, message: "cannot \(action): \(reason.text)", details: reason.details)
        mistakes = error.as(Manager.ConfigurationInvalid.self)?.errors
        isEnd = error.name == Manager.DaemonStopping.fullName
    }

    /// The failure to do `action` because a list ended too early.
    init(incomplete action: String) {
        self.init(
            status: .failed, message: "cannot \(action): serverd stopped before it had told all; try again")
    }

    /// The second half of a message.
    private struct Reason {
        let text: String
        var status = Outcome.failed
        var details = ""

        init(_ text: String, _ status: Outcome = .failed, details: String = "") {
            self.text = text
            self.status = status
            self.details = details
        }
    }

    private static func permission(_ error: VarlinkError, at path: String) -> Reason? {
        if error == .permissionDenied {
            return Reason("\(path) does not permit it; run serverctl as root", .notAvailable)
        }
        guard let refusal = error.as(Manager.NotPermitted.self) else { return nil }
        return Reason(
            "not permitted; run serverctl as root, or have a group of yours named in admin_\(refusal.needs.rawValue) "
                + "of serverd.toml", .notAvailable)
    }

    private static func unknownName(_ error: VarlinkError) -> Reason? {
        if let unknown = error.as(Manager.NoSuchService.self) {
            let advice = unknown.nearest.map { "did you mean \"\($0)\"?" } ?? "\"serverctl list\" lists all"
            return Reason("there is no service \"\(unknown.service)\"; \(advice)", .notAvailable)
        }
        guard let unknown = error.as(Manager.NoSuchConnection.self) else { return nil }
        return Reason(
            "there is no connection \(unknown.id): it has ended, or there never was one; \"serverctl connections\" "
                + "lists all", .notAvailable)
    }

    private static func obstacle(_ error: VarlinkError) -> Reason? {
        if let wrong = error.as(Manager.WrongState.self) {
            return Reason("service \"\(wrong.service)\" is \(wrong.state.rawValue); \(advice(wrong.state))")
        }
        if error.name == Manager.DaemonStopping.fullName {
            return Reason("serverd is ending, and neither opens nor changes anything any more; start it again first")
        }
        if let refusal = error.as(Manager.ReexecRefused.self) {
            let advice = refusal.obstacle == .busy ? "; try again later" : ""
            return Reason("\(SafeText.escape(refusal.detail)); the serverd that runs goes on\(advice)")
        }
        if let refusal = error.as(Manager.ShutdownNotPossible.self) {
            return Reason("\(obstacle(refusal)); nothing was changed; use --existing=stop")
        }
        if let refusal = error.as(Manager.NotConnectable.self) {
            return Reason(
                "service \"\(refusal.service)\" does not have \"connect = true\" in its configuration; "
                    + "add it there, and reload")
        }
        guard let full = error.as(Manager.ServiceFull.self) else { return nil }
        return Reason(
            "service \"\(full.service)\" has as many connections as it may, \(full.connectionLimit); try again later, "
                + "or raise its limit with \"serverctl set-limit\"")
    }

    private static func advice(_ state: ServiceState) -> String {
        switch state {
        case .draining:
            "wait until its last connections have ended, or shorten that with \"serverctl close\", or, if it is a "
                + "drain of everything, \"serverctl drain --grace 0s\""
        case .closed: "open it with \"serverctl open\""
        case .suspended: "have it accept again with \"serverctl resume\""
        case .failed: "\"serverctl status\" tells why"
        case .opening, .listening, .full, .throttled: "\"serverctl status\" tells more"
        }
    }

    private static func obstacle(_ refusal: Manager.ShutdownNotPossible) -> String {
        let what = "streams of service \"\(refusal.service)\""
        return switch refusal.reason {
        case .configuration: "its configuration does not allow \(what) to be shut down"
        case .capability: "serverd lacks CAP_NET_ADMIN, which shutting down \(what) needs"
        case .kernel: "the kernel cannot shut down \(what)"
        case .transport:
            "\(refusal.id.map { "connection \($0)" } ?? "a connection") of service \"\(refusal.service)\" is not TCP, "
                + "and a program has its stream"
        }
    }

    private static func wrongRequest(_ error: VarlinkError, calling method: String) -> Reason? {
        if let wrong = error.as(Manager.InvalidFilter.self) {
            return Reason("\(wrong.field.map { "\(option($0)): " } ?? "")\(wrong.reason)", .usage)
        }
        if let wrong = error.as(Manager.InvalidDuration.self) {
            return Reason("\(option(wrong.field)): \(wrong.reason)", .usage)
        }
        if let wrong = error.as(Manager.LimitOutOfRange.self) {
            return Reason(
                "the limit \(wrong.maxConnections) is not between \(wrong.minimum) and \(wrong.maximum); more than "
                    + "\(wrong.maximum) need more descriptors: raise LimitNOFILE= in serverd's unit", .usage)
        }
        guard let invalid = error.as(Manager.ConfigurationInvalid.self) else { return nil }
        return Reason(
            "the configuration has \(CountText.of(invalid.errors.count, "mistake"))"
                // Whoever only asked knows that.
                + (method == Manager.Plan.fullName ? "" : "; nothing was changed"),
            details: invalid.errors.map(\.rendered).joined())
    }

    /// The option that sets a parameter: `--older-than` for `olderThan`.
    private static func option(_ field: String) -> String {
        field.reduce(into: "--") { $0 += $1.isUppercase ? "-\($1.lowercased())" : "\($1)" }
    }

    private static func overload(_ error: VarlinkError) -> Reason? {
        if let refusal = error.as(Manager.TooManyClients.self) {
            return Reason(
                "serverd has as many clients as it takes, \(refusal.limit); end other serverctl processes, or run it "
                    + "as root, for whom there is a reserve")
        }
        if error.name == Manager.TooSlow.fullName {
            return Reason("events came faster than they were read, and serverd gave up; narrow down what to watch")
        }
        guard let refusal = error.as(Manager.ReplyTooLong.self) else { return nil }
        return Reason("the reply has \(refusal.length) bytes, and may have \(refusal.limit); ask for less")
    }

    private static func otherVersion(_ error: VarlinkError, calling method: String, at path: String) -> Reason? {
        let missing = [VarlinkError.methodNotFound(method), .methodNotImplemented(method)].map(\.name)
        guard missing.contains(error.name) else { return nil }
        return Reason(
            "the serverd at \(path) does not know \(method); it is older than this serverctl (\(Version.text)): "
                + "restart it if it was upgraded, else upgrade it")
    }

    private static func text(of error: VarlinkError) -> String {
        guard !error.parameters.isEmpty else { return error.name }
        return "\(error.name) \(String(decoding: JSONText.encode(error.parameters), as: UTF8.self))"
    }
}

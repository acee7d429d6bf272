// SPDX-License-Identifier: Apache-2.0
// The process as the daemon finds it and makes it: environment, keyring, standard descriptors, descriptor limit.

internal import CLinux
internal import Descriptors
internal import Glibc

/// The process's own surroundings.
package enum ProcessEnvironment {
    /// The environment's variables; one that is not UTF-8 is left out.
    static var variables: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            next += 1
            guard let text = String(validatingCString: entry), let equals = text.firstIndex(of: "=") else { continue }
            variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return variables
    }

    /// The most memory that this process had resident, in bytes.
    static var peakMemory: Int64 {
        var usage = rusage()
        return getrusage(RUSAGE_SELF.rawValue, &usage) == 0 ? Int64(usage.ru_maxrss) * 1024 : 0
    }

    /// Opens /dev/null for each of descriptors 0, 1 and 2 that is closed: else a connection would become one of them,
    /// and somebody's log would go to a client.
    ///
    /// First of all that opens anything.
    package static func openStandardDescriptors() {
        for number in CInt(0)...2 where fcntl(number, F_GETFD) < 0 {
            // Kept for the life of the process: the lowest free number is this one.
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// Leaves the session keyring of whoever started the daemon: handlers inherit it, and may read what is in it.
    ///
    /// Where keyrings are not to be had there is nothing to leave.
    package static func leaveSessionKeyring() { _ = clinux_new_session_keyring() }

    /// How many descriptors the process may open once it has raised its limit.
    static var descriptorLimit: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        return Int(clamping: limit.rlim_max)
    }

    /// Raises the soft limit on descriptors to the hard one: a connection is one.
    package static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Why a listening socket could not be had, told to a person.

internal import CLinux
package import SystemPackage

/// Why a socket could not be made to listen.
package struct ListenFailure: Error, Equatable, Sendable {
    /// What was being done when it failed.
    package enum Step: String, Sendable {
        case socket = "create a socket for"
        case option = "set the options of the socket for"
        case path = "use the path of"
        case bind = "bind"
        case access = "set the mode and owner of"
        case listen = "listen on"
        case adopt = "adopt the inherited socket for"
    }

    /// What was being done.
    package let step: Step
    /// On which address.
    package let address: String
    /// What the system answered; `nil` when the reason is our own check.
    package let errno: Errno?
    /// The reason and the remedy, when they are more than the errno's text.
    package let reason: String?

    package init(_ step: Step, _ address: String, _ errno: Errno?, reason: String? = nil) {
        self.step = step
        self.address = address
        self.errno = errno
        self.reason = reason
    }
}

extension ListenFailure: CustomStringConvertible {
    /// `cannot bind 0.0.0.0:79: Address already in use (EADDRINUSE); …`, with what to do if something is known.
    package var description: String {
        let parts = [errno?.textWithName, reason ?? errno?.remedy].compactMap { $0 }
        return "cannot \(step.rawValue) \(address): \(parts.joined(separator: "; "))"
    }
}

extension Errno {
    /// `Address already in use (EADDRINUSE)`.
    fileprivate var textWithName: String {
        guard let name = strerrorname_np(rawValue) else { return "\(self) (errno \(rawValue))" }
        return "\(self) (\(String(cString: name)))"
    }

    /// What helps whatever was being done.
    fileprivate var remedy: String? {
        switch self {
        case .tooManyOpenFiles: "raise this process's limit on open files"
        case .tooManyOpenFilesInSystem: "the whole system has no more; see the sysctl fs.file-max"
        default: nil
        }
    }
}

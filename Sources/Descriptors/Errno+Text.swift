// SPDX-License-Identifier: Apache-2.0
// An errno as a person reads it: the system's text with the name to search for, and what helps against it.

internal import CLinux
package import SystemPackage

extension Errno {
    /// `Address already in use (EADDRINUSE)`.
    package var textWithName: String {
        guard let name = strerrorname_np(rawValue) else { return "\(self) (errno \(rawValue))" }
        return "\(self) (\(String(cString: name)))"
    }

    /// As ``textWithName``, and what to do when it says that descriptors have run out: `…; raise LimitNOFILE= …`.
    package var textWithRemedy: String { remedy.map { "\(textWithName); \($0)" } ?? textWithName }

    private var remedy: String? {
        switch self {
        case .tooManyOpenFiles: "raise the limit on open files, LimitNOFILE= in the unit"
        case .tooManyOpenFilesInSystem: "the whole system has no more; see the sysctl fs.file-max"
        // epoll_ctl(2).
        case .noSpace: "the user may wait for no more descriptors; see the sysctl fs.epoll.max_user_watches"
        default: nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Why a program could not be started: the step that failed, its errno, and what to do about it.

internal import CLinux
package import SystemPackage

/// The steps of a spawn, in their order; from ``place`` on the same numbers as in the C header.
package enum SpawnStep: CInt, CaseIterable, Sendable {
    /// Making the connection's control group.
    case controlGroup = -2
    /// Making sure that the end of a process can be waited for.
    case watch = -1
    /// Putting the connection where the child finds it.
    case place = 0
    /// Making the child.
    case clone
    /// Moving it into its control group.
    case join
    /// Giving it a descriptor table of its own.
    case unshare
    /// Resetting the signals.
    case signals
    /// Making it the leader of a session.
    case session
    /// Putting the connection at descriptors 0 and 1 and the standard error at 2.
    case streams
    /// Closing all others.
    case close
    /// Setting the umask.
    case umask
    /// Limiting the number of descriptors.
    case limit
    /// Taking ambient capabilities away.
    case ambient
    /// Setting the supplementary groups.
    case groups
    /// Setting the group.
    case group
    /// Setting the user.
    case user
    /// Entering the working directory.
    case directory
    /// Forbidding new privileges.
    case privileges
    /// Emptying the signal mask.
    case mask
    /// Executing the program.
    case execve
}

/// A program that could not be started.
///
/// It has not run, and nothing of it is left.
package struct SpawnFailure: Error, Equatable, Sendable {
    /// What was being done.
    package let step: SpawnStep
    /// Why it failed; means nothing when ``isTimedOut``.
    package let errno: Errno
    /// What it was done with: the program's path, the directory, the account.
    package let subject: String
    /// Whether the step did not come to an end in time, so that the child was killed.
    package let isTimedOut: Bool

    /// The failure of one step.
    package init(step: SpawnStep, errno: Errno, subject: String, isTimedOut: Bool = false) {
        self.step = step
        self.errno = errno
        self.subject = subject
        self.isTimedOut = isTimedOut
    }

    /// Whether the same spawn may succeed a little later: something had run out, or the file is being written.
    package var isTransient: Bool {
        guard !isTimedOut else { return false }
        if step == .watch { return true }
        // Somebody has removed the control group: it is made again.
        if [.clone, .join].contains(step), ControlGroupEntrance.removed.contains(errno) { return true }
        switch errno {
        case .resourceTemporarilyUnavailable, .noMemory, .tooManyOpenFiles, .tooManyOpenFilesInSystem,
            .textFileBusy, .interrupted, .noBufferSpace:
            return true
        default:
            return false
        }
    }
}

extension SpawnFailure: CustomStringConvertible {
    /// `execve /usr/bin/x: No such file or directory (ENOENT); …`, with what to do.
    package var description: String {
        let what = subject.isEmpty ? call : "\(call) \(subject)"
        guard !isTimedOut else {
            return "\(what): not done in time, the handler was killed; look for a file system that does not answer, or "
                + "for processes of the handler's user that stop it"
        }
        let name = strerrorname_np(errno.rawValue).map { String(cString: $0) } ?? "errno \(errno.rawValue)"
        return "\(what): \(errno) (\(name))\(remedy.map { "; \($0)" } ?? "")"
    }

    private var call: String {
        switch step {
        case .controlGroup: "making a control group in"
        case .watch: "epoll_ctl for the ends of processes"
        case .place: "dup3 of the connection's descriptors"
        case .clone: "clone"
        case .join: "write to the control group's cgroup.procs"
        case .unshare: "close_range with CLOSE_RANGE_UNSHARE"
        case .signals: "rt_sigaction"
        case .session: "setsid"
        case .streams: "dup3 to descriptors 0, 1 and 2"
        case .close: "close_range"
        case .umask: "umask"
        case .limit: "prlimit of the number of descriptors"
        case .ambient: "prctl that clears the ambient capabilities"
        case .groups: "setgroups for"
        case .group: "setresgid to the group of"
        case .user: "setresuid to"
        case .directory: "chdir"
        case .privileges: "prctl that forbids new privileges"
        case .mask: "rt_sigprocmask"
        case .execve: "execve"
        }
    }

    private var remedy: String? {
        switch (step, errno) {
        case (.watch, .noSpace):
            return "raise the sysctl fs.epoll.max_user_watches if this goes on; it is tried again"
        case (_, .textFileBusy): return "the file is being written: it is tried again"
        default: if isTransient { return "it is tried again" }
        }
        switch (step, errno) {
        case (.execve, .noSuchFileOrDirectory):
            return "install the program or correct exec; in a script, the interpreter on its first line must exist too"
        case (.execve, .permissionDenied):
            return "the file must be executable for the handler's user, and every directory above it open to it"
        case (.execve, .execFormatError):
            return "it is no program for this machine; a script must begin with #! and its interpreter"
        case (.execve, .argListTooLong):
            return "the arguments and variables are too long together"
        case (.directory, _):
            return "the working directory must exist, and the handler's user be allowed to enter it"
        case (.groups, .notPermitted), (.group, .notPermitted), (.user, .notPermitted):
            return "only root may change the user: run the daemon as root, or leave user and group out"
        case (.controlGroup, _):
            return "serverd must be allowed to make groups there (systemd: Delegate=yes)"
        case (.unshare, .noFunction):
            return "Linux 5.9 or newer is needed"
        default:
            return nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The program of this process, and its replacement by another: the only exec of the daemon itself.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import SystemPackage

/// A program that can take this one's place in its process.
enum Image {
    /// The one at a path.
    case at(String)
    /// One that is open already; its file may be gone.
    case opened(CInt)

    /// Where the program of this process was when this was asked first; another one may be there now.
    static let ownPath: String? = {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, let path = String(validating: buffer[..<count], as: UTF8.self) else { return nil }
        // So the kernel calls it when it was replaced by rename(2), as a package's upgrade does.
        let suffix = " (deleted)"
        return path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : path
    }()

    /// The program of this process itself, opened to be executed again, close-on-exec.
    static func openOwn() throws(Errno) -> Descriptor {
        Descriptor(adopting: try Errno.check(clinux_open_program("/proc/self/exe")))
    }

    /// Executes the program in this process, which keeps `state` and the descriptors in `passing` and no other.
    ///
    /// Returns only when that fails, with the reason; then nothing has changed. Other threads do not come back: they
    /// must have nothing left to do.
    func replaceThis(_ arguments: [String], state: consuming Descriptor, passing: [CInt]) -> Errno {
        let number = state.use { $0 }
        let passed = passing + [number]
        for number in passed { _ = clinux_set_passed_on(number, 1) }
        let variables = Self.environment(state: number)
        let words = arguments.map { strdup($0) } + [nil]
        defer { for text in words + variables { free(text) } }
        _ =
            switch self {
            case .at(let path): clinux_replace_image(path, words, variables)
            case .opened(let program): clinux_replace_image_by(program, words, variables)
            }
        let error = Errno(rawValue: errno)
        for number in passed { _ = clinux_set_passed_on(number, 0) }
        return error
    }

    // As it is, byte for byte: the service manager's variables are among them. Not by setenv: others may read.
    private static func environment(state: CInt) -> [UnsafeMutablePointer<CChar>?] {
        let assignment = Inheritance.variable + "="
        var variables: [UnsafeMutablePointer<CChar>?] = []
        var next = environ
        while let entry = next.pointee {
            next += 1
            if strncmp(entry, assignment, assignment.utf8.count) != 0 { variables.append(strdup(entry)) }
        }
        return variables + [strdup("\(assignment)\(state)"), nil]
    }
}

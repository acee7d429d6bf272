// SPDX-License-Identifier: Apache-2.0
// Whose folder a socket file may be in.

internal import CLinux
internal import Glibc
internal import Policy
internal import Sockets
internal import TestSupport
internal import Testing

@Suite("The directory of a socket", .enabled(if: geteuid() == 0))
struct SocketFolderTests {
    @Test(
        "root puts no socket into a directory of somebody else, who could replace it; the socket's own user may have one"
    )
    func owner() throws {
        let folder = TemporaryFolder()
        try #require(chown(folder.path, 65534, 65534) == 0)
        let path = folder.path + "/socket"
        let failure = #expect(throws: ListenFailure.self) {
            try ListeningSocket.bind(.address(.unix(.path(path))), backlog: 1)
        }
        #expect(failure?.description.contains("belongs to user 65534, who could replace the socket") == true)
        #expect(throws: ListenFailure.self) {
            try ListeningSocket.bind(.address(.unix(.path(path))), backlog: 1, file: SocketFileOptions(user: 65533))
        }
        let options = SocketFileOptions(mode: 0o640, user: 65534, group: 65534)
        let listener = try ListeningSocket.bind(.address(.unix(.path(path))), backlog: 1, file: options)
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_uid == 65534 && status.st_gid == 65534)
        #expect(status.st_mode & 0o777 == 0o640)
        listener.close()
    }

    @Test("what somebody has put in the place of the socket that was just made gets neither its mode nor its owner")
    func replaced() throws {
        let folder = TemporaryFolder()
        let number = open(folder.path, O_DIRECTORY | O_CLOEXEC)
        defer { close(number) }
        close(open(folder.file("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
        try #require(symlink("file", folder.file("link")) == 0)
        let foreign = try makeRawSocket(.unix(.path(folder.file("foreign"))))
        try #require(chown(folder.file("foreign"), 65533, 65533) == 0 && chmod(folder.file("foreign"), 0o600) == 0)
        for name in ["file", "link", "foreign"] {
            #expect(clinux_set_socket_access(number, name, 0o666, 65534, 65534) == -1 && errno == EEXIST, "\(name)")
        }
        for (name, owner) in [("file", 0), ("foreign", 65533)] as [(String, uid_t)] {
            #expect(folder.status(of: name)?.st_uid == owner)
            #expect(folder.status(of: name).map { $0.st_mode & 0o777 } == 0o600)
        }
        foreign.close()
    }
}

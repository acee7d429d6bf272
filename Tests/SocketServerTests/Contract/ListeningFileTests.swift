// SPDX-License-Identifier: Apache-2.0
// The file of a Unix socket: what may be in its place before, who may use it, and when it is removed.

internal import Glibc
internal import Policy
internal import SocketServer
internal import Sockets
internal import TestSupport
internal import Testing

@Suite("Listening: socket files", .timeLimit(.minutes(5)))
struct ListeningFileTests {
    @Test("the file of a server that is gone is replaced (B16)")
    func stale() async {
        // Alone in a process: elsewhere one that is being started may hold a copy of the old socket for a moment.
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let folder = TemporaryFolder()
                let path = folder.file("socket")
                try makeRawSocket(.unix(.path(path)), backlog: 1).close()
                #expect(folder.status(of: "socket") != nil)
                let server = try await Server.createSocket(on: .file(path)) { try await greetAndStay($1) }
                let client = try TestClient.connect(to: .unix(.path(path)), on: loop)
                #expect(await client.isGreeted())
                await client.close()
                await server.close()
            }
        }
    }

    @Test(
        "a socket on which somebody listens is left alone, also when its backlog is full (B8, B16)",
        arguments: [false, true])
    func inUse(isFull: Bool) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let path = folder.file("socket")
            let other = try makeRawSocket(.unix(.path(path)), backlog: 0)
            let inode = folder.status(of: "socket")?.st_ino
            let client = isFull ? try TestClient.connect(to: .unix(.path(path)), on: loop) : nil
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .file(path)) { _, _ in }
            }
            #expect(error.errno == EADDRINUSE)
            #expect(
                error.message
                    == "cannot bind \(path): Address already in use (EADDRINUSE); another process listens there")
            #expect(folder.status(of: "socket")?.st_ino == inode)
            // Nobody has connected to find out.
            var waiting = pollfd(fd: other.number, events: Int16(POLLIN), revents: 0)
            #expect(poll(&waiting, 1, 0) == (isFull ? 1 : 0))
            await client?.close()
            other.close()
        }
    }

    @Test("the mode is changed of a socket's own file, and of none that somebody has put in its place")
    func mode() throws {
        let folder = TemporaryFolder()
        let path = folder.file("socket")
        let listener = try ListeningSocket.bind(.address(.unix(.path(path))), backlog: 1)
        listener.setFileMode(0o640)
        #expect(folder.status(of: "socket").map { $0.st_mode & 0o777 } == 0o640)
        try #require(rename(path, folder.file("aside")) == 0)
        let other = try ListeningSocket.bind(.address(.unix(.path(path))), backlog: 1)
        other.setFileMode(0o600)
        listener.setFileMode(0o666)
        #expect(folder.status(of: "socket").map { $0.st_mode & 0o777 } == 0o600)
        listener.close()
        other.close()
    }

    @Test("what is not a socket is left alone: a file, a link, a folder")
    func notASocket() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let file = folder.file("file")
            fclose(fopen(file, "we"))
            symlink(file, folder.file("link"))
            for name in ["file", "link"] {
                let inode = folder.status(of: name)?.st_ino
                let error = try await #require(throws: ServerError.self) {
                    try await Server.createSocket(on: .file(folder.file(name))) { _, _ in }
                }
                #expect(
                    error.message
                        == "cannot use the path of \(folder.file(name)): it exists and is not a socket; remove it by hand"
                )
                #expect(folder.status(of: name)?.st_ino == inode)
            }
        }
    }

    @Test(
        "a folder to which others may write is refused, unless it has the sticky bit",
        arguments: [mode_t(0o777), 0o775, 0o1777, 0o755])
    func folderMode(_ mode: mode_t) async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            #expect(chmod(folder.path, mode) == 0)
            let path = folder.file("socket")
            let isRefused = mode & 0o022 != 0 && mode & S_ISVTX == 0
            do {
                try await Server.createSocket(on: .file(path)) { _, _ in }.close()
                #expect(!isRefused)
            } catch let error as ServerError {
                #expect(isRefused)
                #expect(error.message.contains("others may write to its directory \(folder.path)"))
                #expect(error.message.contains("chmod go-w"))
            }
            #expect(folder.status(of: "socket") == nil)
        }
    }

    @Test(
        "the file has the mode that was asked for, whatever the umask", arguments: [UInt32(0o666), 0o600, 0o660, 0o777])
    func mode(_ mode: UInt32) async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            var options = ServerOptions()
            options.socketFileMode = mode
            let server = try await Server.createSocket(on: .file(folder.file("socket")), options: options) { _, _ in }
            #expect(folder.status(of: "socket").map { $0.st_mode & 0o7777 } == mode)
            await server.close()
        }
    }

    @Test("by default everybody may connect")
    func defaultMode() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let server = try await Server.createSocket(on: .file(folder.file("socket"))) { _, _ in }
            #expect(folder.status(of: "socket").map { $0.st_mode & 0o7777 } == 0o666)
            await server.close()
        }
    }

    @Test("the file has the owner and group that were asked for", .enabled(if: geteuid() == 0))
    func owner() throws {
        let folder = TemporaryFolder()
        let address = BindAddress.address(.unix(.path(folder.file("socket"))))
        let options = SocketFileOptions(mode: 0o640, user: 65_534, group: 12_345)
        let listener = try ListeningSocket.bind(address, backlog: 1, file: options)
        let status = try #require(folder.status(of: "socket"))
        #expect(status.st_uid == 65_534)
        #expect(status.st_gid == 12_345)
        #expect(status.st_mode & 0o7777 == 0o640)
        listener.close()
    }

    @Test("the file is unlinked on close (B16)")
    func unlinked() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let server = try await Server.createSocket(on: .file(folder.file("socket"))) { _, _ in }
            #expect(folder.status(of: "socket") != nil)
            await server.close()
            #expect(folder.status(of: "socket") == nil)
        }
    }

    @Test("a file that somebody else has put in the place of ours is left alone on close (B16)")
    func replaced() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let path = folder.file("socket")
            let server = try await Server.createSocket(on: .file(path)) { _, _ in }
            #expect(rename(path, folder.file("moved")) == 0)
            let sibling = try makeRawSocket(.unix(.path(path)), backlog: 1)
            await server.close()
            #expect(folder.status(of: "socket") != nil)
            sibling.close()
        }
    }
}

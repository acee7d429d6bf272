// SPDX-License-Identifier: Apache-2.0
// A listening socket, bound here or inherited: the only bind(2), listen(2) and accept(2) of the project.

internal import CLinux
package import Descriptors
internal import Glibc
package import Policy
internal import Synchronization
package import SystemPackage

/// A socket that listens, until ``close()``.
package final class ListeningSocket: Sendable {
    /// Where it listens, as the system says; for a socket file the path as it was given.
    ///
    /// Still answers after close.
    package let address: SocketAddress
    /// Whether the socket came from systemd or a predecessor: its queue is not ours to end, its file not ours to unlink.
    package let isInherited: Bool
    private let descriptor: Mutex<Descriptor?>
    /// The file that we made for it.
    package let file: UnixSocketFile?
    private let acceptCall: SystemCall<CInt, AcceptedConnection>
    private let sharesNoDelay: Bool

    private init(
        _ descriptor: consuming Descriptor, _ address: SocketAddress, isInherited: Bool, file: UnixSocketFile?,
        acceptCall: SystemCall<CInt, AcceptedConnection>
    ) {
        self.descriptor = Mutex(descriptor)
        self.address = address
        self.isInherited = isInherited
        self.file = file
        self.acceptCall = acceptCall
        if case .inet = address { sharesNoDelay = isInherited } else { sharesNoDelay = false }
    }

    /// A socket that listened on `address`, and is closed.
    package init(closedAt address: SocketAddress) {
        self.address = address
        descriptor = Mutex(nil)
        isInherited = false
        file = nil
        acceptCall = .kernel
        sharesNoDelay = false
    }

    // MARK: Making one

    /// Binds a new socket and listens.
    ///
    /// SO_REUSEADDR is set, SO_REUSEPORT is not.
    /// - Throws: what failed; then nothing is left behind, neither a descriptor nor a file.
    package static func bind(
        _ bindAddress: BindAddress, backlog: Int, file options: SocketFileOptions = SocketFileOptions(),
        acceptCall: SystemCall<CInt, AcceptedConnection> = .kernel
    ) throws(ListenFailure) -> ListeningSocket {
        switch bindAddress {
        case .address(.inet(let address)):
            return try bind(address, onlyV6: true, backlog, acceptCall)
        case .everyAddress(let port):
            do {
                return try bind(InetAddress(ip: .anyV6, port: port), onlyV6: false, backlog, acceptCall)
            } catch let failure {
                let lacksV6 = failure.errno == .addressFamilyNotSupported || failure.errno == .addressNotAvailable
                guard lacksV6 else { throw failure }
                return try bind(InetAddress(ip: .anyV4, port: port), onlyV6: true, backlog, acceptCall)
            }
        case .address(.unix(let address)):
            return try bind(address, backlog, options, acceptCall)
        }
    }

    // A port chosen by the system may be taken between bind and listen: then another one is asked for, as the original
    // does, at most ten times.
    private static func bind(
        _ address: InetAddress, onlyV6: Bool, _ backlog: Int, _ acceptCall: SystemCall<CInt, AcceptedConnection>
    ) throws(ListenFailure) -> ListeningSocket {
        var retries = 0
        while true {
            do {
                return try bindOnce(address, onlyV6: onlyV6, backlog, acceptCall)
            } catch let failure {
                guard address.port == 0, failure.errno == .addressInUse else { throw failure }
                guard retries < 10 else {
                    throw ListenFailure(failure.step, failure.address, failure.errno, reason: "after 10 retries")
                }
                retries += 1
            }
        }
    }

    private static func bindOnce(
        _ address: InetAddress, onlyV6: Bool, _ backlog: Int, _ acceptCall: SystemCall<CInt, AcceptedConnection>
    ) throws(ListenFailure) -> ListeningSocket {
        let name = address.description
        let descriptor = try makeSocket(address.ip.isV6 ? AF_INET6 : AF_INET, name)
        try step(.option, name, descriptor.setOption(SOL_SOCKET, SO_REUSEADDR, 1))
        // Accepted sockets inherit it: one system call a connection saved.
        try step(.option, name, descriptor.setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1))
        if address.ip.isV6 {
            try step(.option, name, descriptor.setOption(CInt(IPPROTO_IPV6), IPV6_V6ONLY, onlyV6 ? 1 : 0))
        }
        try bindAndListen(descriptor, .inet(address), name, backlog) {}
        let bound = descriptor.use { RawAddress.local(of: $0) } ?? .inet(address)
        return ListeningSocket(descriptor, bound, isInherited: false, file: nil, acceptCall: acceptCall)
    }

    private static func bind(
        _ address: UnixAddress, _ backlog: Int, _ options: SocketFileOptions,
        _ acceptCall: SystemCall<CInt, AcceptedConnection>
    ) throws(ListenFailure) -> ListeningSocket {
        let name = address.description
        let descriptor = try makeSocket(AF_UNIX, name)
        guard case .path(let path) = address else {
            try bindAndListen(descriptor, .unix(address), name, backlog) {}
            let bound = descriptor.use { RawAddress.local(of: $0) } ?? .unix(address)
            return ListeningSocket(descriptor, bound, isInherited: false, file: nil, acceptCall: acceptCall)
        }
        let directory = try SocketDirectory(of: path, for: options.user)
        try directory.removeStaleSocket()
        // The mode of the socket before bind(2) is the mode of the file after it, less the umask: at no moment more.
        try step(.option, name, descriptor.use { fchmod($0, options.mode) })
        var file: UnixSocketFile?
        do {
            try bindAndListen(descriptor, .unix(.path(directory.bindPath)), name, backlog) { () throws(ListenFailure) in
                file = directory.createdFile()
                try directory.setAccess(options)
            }
        } catch let failure {
            file?.unlink()
            throw failure
        }
        return ListeningSocket(
            descriptor, .unix(address), isInherited: false, file: file ?? directory.createdFile(),
            acceptCall: acceptCall)
    }

    private static func bindAndListen(
        _ descriptor: borrowing Descriptor, _ address: SocketAddress, _ name: String, _ backlog: Int,
        afterBind: () throws(ListenFailure) -> Void
    ) throws(ListenFailure) {
        guard var raw = RawAddress(address) else {
            throw ListenFailure(
                .bind, name, nil, reason: "the name is longer than the 107 bytes a Unix socket may have")
        }
        try step(.bind, name, descriptor.use { clinux_bind($0, &raw.storage, raw.length) })
        try afterBind()
        try step(.listen, name, descriptor.use { Glibc.listen($0, CInt(clamping: backlog)) })
    }

    /// Takes over a stream socket that is bound, and perhaps listens already.
    ///
    /// Its options are left alone; listen(2) is called only when it does not listen yet, so that a backlog set by its
    /// first owner stays.
    /// - Throws: when it is not a stream socket, or is a connection; the descriptor is closed then.
    package static func adopt(
        _ descriptor: consuming Descriptor, backlog: Int,
        acceptCall: SystemCall<CInt, AcceptedConnection> = .kernel
    ) throws(ListenFailure) -> ListeningSocket {
        let number = descriptor.use { $0 }
        let name = "descriptor \(number)"
        guard descriptor.option(SOL_SOCKET, SO_TYPE) == CInt(SOCK_STREAM.rawValue) else {
            throw ListenFailure(.adopt, name, nil, reason: "it is not a stream socket")
        }
        guard let address = RawAddress.local(of: number) else {
            throw ListenFailure(.adopt, name, nil, reason: "it is neither an Internet nor a Unix socket")
        }
        var peer = RawAddress()
        guard clinux_getpeername(number, &peer.storage, &peer.length) != 0 else {
            throw ListenFailure(.adopt, name, nil, reason: "it is a connection, not a socket to accept on")
        }
        guard address.isBound else {
            throw ListenFailure(.adopt, name, nil, reason: "it is not bound to an address")
        }
        _ = clinux_set_close_on_exec(number)
        if descriptor.option(SOL_SOCKET, SO_ACCEPTCONN) != 1 {
            try step(.listen, address.description, Glibc.listen(number, CInt(clamping: backlog)))
        }
        // Accepting must never block, whatever the descriptor's first owner did with it.
        try step(.option, address.description, clinux_set_nonblocking(number, 1))
        return ListeningSocket(descriptor, address, isInherited: true, file: nil, acceptCall: acceptCall)
    }

    /// Takes over a socket that another daemon in our place has bound, with its queue and the file it made for it.
    ///
    /// It is ours as if we had bound it.
    /// - Throws: when it is not a listening socket; the descriptor is closed then.
    package static func succeed(
        _ descriptor: consuming Descriptor, file: UnixSocketFile?, backlog: Int,
        acceptCall: SystemCall<CInt, AcceptedConnection> = .kernel
    ) throws(ListenFailure) -> ListeningSocket {
        let adopted = try adopt(descriptor, backlog: backlog, acceptCall: acceptCall)
        let own = adopted.descriptor.withLock { $0.take() }
        guard let own else { preconditionFailure("a socket that was just adopted is open") }
        let address = file.map { SocketAddress.unix(.path($0.path)) } ?? adopted.address
        let listener = ListeningSocket(own, address, isInherited: false, file: file, acceptCall: acceptCall)
        listener.setBacklog(backlog)
        return listener
    }

    private static func makeSocket(_ family: CInt, _ name: String) throws(ListenFailure) -> Descriptor {
        let number = clinux_socket(family, CInt(SOCK_STREAM.rawValue), 0, 1)
        try step(.socket, name, number)
        return Descriptor(adopting: number)
    }

    private static func step(_ step: ListenFailure.Step, _ name: String, _ result: CInt) throws(ListenFailure) {
        if result < 0 { throw ListenFailure(step, name, Errno(rawValue: Glibc.errno)) }
    }

    // MARK: Using it

    /// Has the kernel refuse descriptors that clients of a Unix socket send from now on, if it can (Linux 6.16): for
    /// connections that are served here, by code that wants none.
    package func refuseDescriptors() {
        guard case .unix = address else { return }
        _ = withDescriptor { clinux_refuse_descriptors($0) }
    }

    /// Has the kernel let descriptors through to those who connect from now on: for programs.
    package func passDescriptors() {
        guard case .unix = address else { return }
        _ = withDescriptor { clinux_pass_descriptors($0) }
    }

    /// Changes how many clients the system lets wait, unless the socket was inherited: that is its first owner's affair.
    package func setBacklog(_ backlog: Int) {
        guard !isInherited else { return }
        // It fails for no listening socket.
        _ = withDescriptor { Glibc.listen($0, CInt(clamping: backlog)) }
    }

    /// Changes the mode of the socket's file, if there is one and it is still ours.
    package func setFileMode(_ mode: UInt32) { file?.setMode(mode) }

    /// Takes one connection out of the queue, close-on-exec and blocking; never waits.
    ///
    /// `EBADF` after ``close()``.
    package func accept() -> Result<AcceptedConnection, Errno> {
        let result = descriptor.withLock { descriptor in
            descriptor?.use { acceptCall($0) } ?? .failure(.badFileDescriptor)
        }
        if sharesNoDelay, case .success(let accepted) = result {
            var one: CInt = 1
            // Fails when the peer has gone already; then its reads and writes will tell.
            setsockopt(accepted.descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        }
        return result
    }

    /// Whether accept would find somebody, or has something else to say.
    package var mayHaveClient: Bool {
        withDescriptor { number in
            var question = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            guard poll(&question, 1, 0) > 0 else { return false }
            return !isQueueEmptyBehindBarrier(number)
        } ?? false
    }

    /// The descriptor's number, lent for the time of `body`; `nil` after close.
    package func withDescriptor<R: Sendable>(_ body: (CInt) throws -> R) rethrows -> R? {
        try descriptor.withLock { try $0?.use(body) }
    }

    /// Another descriptor of the same socket and queue; `nil` after close, and when there is none to be had.
    package func copy() -> Descriptor? {
        let number = withDescriptor { number -> CInt in
            do { return try Descriptor.duplicating(number).release() } catch { return -1 }
        }
        guard let number, number >= 0 else { return nil }
        return Descriptor(adopting: number)
    }

    /// Closes the socket and unlinks its file if that is still ours.
    ///
    /// Clients in the queue are dropped by the kernel. Harmless when repeated. It must not be watched by a loop any
    /// more.
    package func close() {
        let open = descriptor.withLock { descriptor -> Bool in
            guard let open = descriptor.take() else { return false }
            open.close()
            return true
        }
        if open { file?.unlink() }
    }
}

extension SystemCall where Input == CInt, Output == AcceptedConnection {
    /// accept4(2).
    ///
    /// The peer's address comes with the connection: asking for it later would fail once the peer has gone.
    package static var kernel: Self {
        Self { listener in
            var raw = RawAddress()
            let number = clinux_accept(listener, &raw.storage, &raw.length)
            guard number >= 0 else { return .failure(Errno(rawValue: errno)) }
            return .success(AcceptedConnection(descriptor: number, peer: raw.address ?? .unix(.unnamed)))
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// A connection that changes hands within this process: looking at what has come without taking it, and moving the socket.

internal import Descriptors
internal import Glibc
internal import Policy

extension ConnectedSocket {
    /// Looks at what can be received now, at most `count` bytes, and leaves it there.
    ///
    /// Empty when nothing has come yet, and at the end of the stream. Only on the loop.
    package func peek(upTo count: Int) -> [UInt8] {
        withDescriptor { number in
            [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                initialized = max(
                    0, recv(number, buffer.baseAddress, buffer.count, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)))
            }
        } ?? []
    }

    /// The same connection as a socket of its own, which is now another's to serve; nothing is left here to be closed.
    ///
    /// `nil` when it is closed. Only on the loop.
    package func moved() -> ConnectedSocket? {
        guard let number = releaseDescriptor() else { return nil }
        return ConnectedSocket(
            AcceptedConnection(descriptor: number, peer: peer), localAddress: localAddress, on: loop)
    }
}

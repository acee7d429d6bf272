// SPDX-License-Identifier: Apache-2.0
// What a user of the library needs besides its own types, so that `import SocketServer` is enough.

@_exported public import EventLoops
@_exported public import Policy
@_exported public import Sockets

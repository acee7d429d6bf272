// SPDX-License-Identifier: Apache-2.0
// The description of `io.serverd.Manager`, in Varlink's interface description language.

/// The interface through which serverd is looked at and operated.
package enum Manager {
    /// The interface's name.
    package static let interfaceName = "io.serverd.Manager"
    /// Where the daemon listens for it, unless told otherwise.
    package static let defaultSocketPath = "/run/serverd/io.serverd.Manager"

    /// The interface's description: what any client is told, and what this module's types mirror.
    package static let interfaceDescription = """
        # The services of a serverd daemon: each accepts connections on its addresses and gives each of them to a
        # handler.
        #
        # Timestamps are microseconds since the Unix epoch, 1970-01-01 00:00 UTC.
        interface io.serverd.Manager

        # What a service is doing.
        type ServiceState (
          # It accepts connections.
          listening,
          # It has as many connections as it may; further peers wait.
          full,
          # Its handlers keep failing; it accepts nothing until retryTimestamp.
          throttled,
          # An operator had it stop accepting. Its addresses stay taken, and its connections go on.
          suspended,
          # It has stopped listening, and its last connections are ending.
          draining,
          # It has ended.
          closed,
          # It cannot listen, for the reason that failure tells. The daemon tries again at retryTimestamp.
          failed
        )

        # What the daemon is doing.
        type DaemonState (
          # It is opening its services.
          starting,
          # It has opened each service that can be opened.
          running,
          # It is draining its services, and ends with them.
          stopping
        )

        # The daemon at one moment.
        type DaemonStatus (
          # The version of serverd.
          version: string,
          # The daemon's process.
          pid: int,
          # What it is doing.
          state: DaemonState,
          # When it was started.
          startTimestamp: int
        )

        # One service at one moment. The counts begin with the daemon.
        type ServiceStatus (
          # The service's name: that of its file, without the suffix.
          name: string,
          # What it is for, in the words of its configuration.
          description: ?string,
          # What it is doing.
          state: ServiceState,
          # Where it listens: with the ports that the system chose. An address that it cannot listen on is given as
          # configured.
          addresses: []string,
          # How many connections it has.
          connections: int,
          # How many it may have.
          connectionLimit: int,
          # How many it has accepted.
          connectionsAccepted: int,
          # How many of those ended by a failure of their handler.
          handlerFailures: int,
          # How many it has turned away.
          connectionsRefused: int,
          # Since when it has been listening. Absent while it is not.
          listeningTimestamp: ?int,
          # Why it failed, while its state is failed.
          failure: ?string,
          # When the daemon will try again by itself: to listen if failed, to accept if throttled.
          retryTimestamp: ?int,
          # The last thing that went wrong, even if it is over.
          lastError: ?string,
          # When that was.
          lastErrorTimestamp: ?int
        )

        # Returns what the daemon and its services are doing.
        method GetStatus(
          # The service to ask about. Without it, all of them.
          service: ?string
        ) -> (
          # The daemon.
          daemon: DaemonStatus,
          # The services, by name.
          services: []ServiceStatus
        )

        # No service has the name that was given.
        error NoSuchService (
          # The name.
          service: string,
          # The name that was perhaps meant.
          nearest: ?string
        )

        """
}

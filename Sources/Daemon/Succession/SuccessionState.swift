// SPDX-License-Identifier: Apache-2.0
// What one image of the daemon tells the next one: all that is neither in the ledger nor in the configuration.

internal import Descriptors
internal import SystemPackage
internal import Varlink

/// What one image tells the next, as JSON in sealed memory.
struct SuccessionState: Codable, Equatable, Sendable {
    /// The version of this form: another one is not understood.
    static let currentVersion = 2

    /// An open descriptor and its ``KeptName``, or the name under which it was inherited.
    struct PassedDescriptor: Codable, Equatable, Sendable {
        var name: String
        var number: Int32
    }

    /// What is known of a service besides its definition.
    struct Service: Codable, Equatable, Sendable {
        var accepted = 0
        var handlerFailures = 0
        var refused = 0
        var lastError: String?
        var lastErrorTimestamp: Int64?
        var listeningTimestamp: Int64?
        /// Whether it listened nowhere, by whoever's will.
        var isClosed = false
        /// Why it had closed by itself; nil if it had not.
        var failure: String?
        /// Its name, and what operators have set.
        var operators: OperatorSettings.OfService
    }

    /// A file on its file system.
    struct FileIdentity: Codable, Equatable, Sendable {
        var device: UInt
        var inode: UInt
    }

    /// The version of this form.
    var version = currentVersion
    /// The version of the ledger that is passed on.
    var ledgerVersion = Int(ConnectionLedger.version)
    /// The version of the daemon that wrote this.
    var daemonVersion: String
    /// How many images this process has been.
    var images: Int
    /// When the process was started, in microseconds since the epoch.
    var startTimestamp: Int64
    /// The id that was given to a connection last.
    var lastConnection: UInt64
    /// How it was started.
    var arguments: [String]
    /// The services, in no order.
    var services: [Service] = []
    /// What it serves by; nil of an image that did not tell.
    var configuration: KeptConfiguration?
    /// The admin socket's file.
    var adminSocketFile: FileIdentity?
    /// What is passed on open.
    var descriptors: [PassedDescriptor] = []
    /// The program that wrote this, opened, to which a successor that cannot start goes back.
    var wayBack: Int32?
    /// Why the successor went back.
    var failure: String?

    /// What cannot be understood about a state.
    struct Defect: Error, CustomStringConvertible {
        let description: String
    }

    /// The state that `file` holds.
    init(from file: CInt) throws(Defect) {
        guard let text = SealedText.read(file) else {
            throw Defect(description: "there is no state of another serverd in descriptor \(file)")
        }
        // Before the rest, whose form depends on it.
        guard let form = try? JSONText.decode(Version.self, from: text) else {
            throw Defect(description: "the other serverd's state is not understood")
        }
        guard form.version == Self.currentVersion, form.ledgerVersion == Int(ConnectionLedger.version) else {
            throw Defect(
                description: "the other serverd's state has version \(form.version).\(form.ledgerVersion), and "
                    + "\(Self.currentVersion).\(ConnectionLedger.version) is understood")
        }
        do { self = try JSONText.decode(Self.self, from: text) } catch {
            throw Defect(description: "the other serverd's state is not understood: \(error)")
        }
    }

    private struct Version: Codable {
        let version: Int
        let ledgerVersion: Int
    }

    /// The state in sealed memory, close-on-exec.
    /// - Throws: the error of what there was not enough of.
    func write() throws(Errno) -> Descriptor {
        try SealedText.write(self, as: "serverd-succession")
    }
}

extension SuccessionState {
    /// A state without services and descriptors.
    init(daemonVersion: String, images: Int, startTimestamp: Int64, lastConnection: UInt64, arguments: [String]) {
        self.daemonVersion = daemonVersion
        self.images = images
        self.startTimestamp = startTimestamp
        self.lastConnection = lastConnection
        self.arguments = arguments
    }
}

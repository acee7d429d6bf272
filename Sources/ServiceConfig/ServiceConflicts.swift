// SPDX-License-Identifier: Apache-2.0
// Finds what no two services, and no service twice, can have: a name, an address, an inherited descriptor.

internal import Policy

/// The check of services against each other.
enum ServiceConflicts {
    /// One address of one service.
    private struct Claim {
        let service: ParsedService
        let address: Located<ListenAddress>
        let number: Int
    }

    /// Who wants what, so that a rival is found without looking at all.
    private struct Claims {
        private var all: [String: [ListenAddress: Claim]] = [:]
        private var first: [String: Claim] = [:]

        /// The first claim that excludes this address.
        func rival(of address: ListenAddress) -> Claim? {
            ServiceConflicts.rivalKeys(of: address).compactMap { key in
                key.address.map { all[key.group]?[$0] } ?? first[key.group]
            }.min { $0.number < $1.number }
        }

        mutating func add(_ claim: Claim) {
            for group in ServiceConflicts.groups(of: claim.address.value) {
                if first[group] == nil { first[group] = claim }
                if all[group]?[claim.address.value] == nil { all[group, default: [:]][claim.address.value] = claim }
            }
        }
    }

    /// An error for each address that cannot be listened on because of another one before it, and for each name that is
    /// taken; of very many the first.
    ///
    /// A service that is not enabled listens nowhere, and stands in nobody's way.
    static func find(among services: [ParsedService]) -> [ConfigError] {
        var errors: [ConfigError] = []
        var names: [ServiceName: ParsedService] = [:]
        var claims = Claims()
        var number = 0
        for service in services {
            if let other = names.updateValue(service, forKey: service.name) {
                errors.append(
                    service.source.error(at: .start, "service `\(service.name)` is defined in \(other.source.path) too")
                )
            }
            // A disabled service is still checked against itself.
            var own = Claims()
            var added: [Claim] = []
            for address in service.listen {
                let claim = Claim(service: service, address: address, number: number)
                number += 1
                let rival = service.isEnabled ? claims.rival(of: address.value) : nil
                if let rival = rival ?? own.rival(of: address.value) {
                    errors.append(error(claim, rival: rival))
                    guard errors.count <= ConfigErrors.limit else { return errors }
                }
                own.add(claim)
                added.append(claim)
            }
            if service.isEnabled { for claim in added { claims.add(claim) } }
        }
        return errors
    }

    /// The groups of claims that an address belongs to: those of its port, of its family there, and of the family's
    /// wildcards.
    private static func groups(of address: ListenAddress) -> [String] {
        guard let key = key(of: address) else { return [] }
        switch address.kind {
        case .inet(let inet):
            let family = key + (inet.ip.isV6 ? " of IPv6" : " of IPv4")
            return [key, family] + (isWildcard(inet.ip) ? [family + ", all"] : [])
        case .everyAddress: return [key, key + ", every address"]
        case .unix, .inherited: return [key]
        }
    }

    /// Where an address finds its rivals: a certain address of a group, or the first of it.
    private static func rivalKeys(of address: ListenAddress) -> [(group: String, address: ListenAddress?)] {
        guard let key = key(of: address) else { return [] }
        guard case .inet(let inet) = address.kind else { return [(key, nil)] }
        let family = key + (inet.ip.isV6 ? " of IPv6" : " of IPv4")
        let sameFamily: [(String, ListenAddress?)] =
            isWildcard(inet.ip) ? [(family, nil)] : [(family, address), (family + ", all", nil)]
        return sameFamily + [(key + ", every address", nil)]
    }

    /// What two addresses must share to be in each other's way; nil for one that never is.
    ///
    /// It keeps the search short among a thousand services.
    static func key(of address: ListenAddress) -> String? {
        switch address.kind {
        case .inet(let inet): inet.port == 0 ? nil : "port \(inet.port)"
        case .everyAddress(let port): port == 0 ? nil : "port \(port)"
        case .unix, .inherited: address.description
        }
    }

    /// Whether two addresses with one ``key(of:)`` cannot both be listened on.
    static func excludes(_ a: ListenAddress, _ b: ListenAddress) -> Bool {
        switch (a.kind, b.kind) {
        case (.inet(let a), .inet(let b)):
            a == b || a.ip.isV6 == b.ip.isV6 && (isWildcard(a.ip) || isWildcard(b.ip))
        case (.unix(let a), .unix(let b)): a == b
        default: true
        }
    }

    private static func isWildcard(_ ip: IPAddress) -> Bool { ip == .anyV4 || ip == .anyV6 }

    private static func error(_ claim: Claim, rival: Claim) -> ConfigError {
        let address = claim.address
        let isSame = address.value == rival.address.value
        let service = "service `\(rival.service.name)` (\(rival.service.source.path):\(rival.address.position.line))"
        let conflict =
            isSame
            ? "belongs to \(service) already" : "overlaps with \(quoted(rival.address.value.description)) of \(service)"
        return claim.service.source.error(
            at: address.position, "\(quoted(address.value.description)) \(conflict)",
            expected: "an address that is listened on once")
    }
}

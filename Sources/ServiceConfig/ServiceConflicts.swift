// SPDX-License-Identifier: Apache-2.0
// Finds what no two services, and no service twice, can have: a name, an address, an inherited descriptor.

internal import Policy

/// The check of services against each other.
enum ServiceConflicts {
    /// One address of one service.
    private struct Claim {
        let service: ParsedService
        let address: Located<ListenAddress>
    }

    /// An error for each address that cannot be listened on because of another one before it, and for each name that is
    /// taken.
    ///
    /// A service that is not enabled listens nowhere, and stands in nobody's way.
    static func find(among services: [ParsedService]) -> [ConfigError] {
        var errors: [ConfigError] = []
        var names: [ServiceName: ParsedService] = [:]
        var claims: [String: [Claim]] = [:]
        for service in services {
            if let other = names.updateValue(service, forKey: service.name) {
                errors.append(
                    service.source.error(at: .start, "service `\(service.name)` is defined in \(other.source.path) too")
                )
            }
            // A disabled service is still checked against itself.
            var own: [String: [Claim]] = [:]
            for address in service.listen {
                guard let key = key(of: address.value) else { continue }
                let claim = Claim(service: service, address: address)
                let rivals = (service.isEnabled ? claims[key] ?? [] : []) + (own[key] ?? [])
                if let rival = rivals.first(where: { excludes($0.address.value, address.value) }) {
                    errors.append(error(claim, rival: rival))
                }
                own[key, default: []].append(claim)
            }
            if service.isEnabled { claims.merge(own) { $0 + $1 } }
        }
        return errors
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

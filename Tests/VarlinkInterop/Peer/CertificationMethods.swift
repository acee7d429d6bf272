// SPDX-License-Identifier: Apache-2.0
// The methods of `org.varlink.certification`, with their parameters and results.

internal import Varlink

enum Start: CertificationMethod {
    typealias Parameters = NoFields
    typealias Result = Certification.ClientID
}

enum Test01: CertificationMethod {
    typealias Parameters = Certification.ClientID

    struct Result: VarlinkObject, Hashable {
        var bool: Bool

        enum CodingKeys: String, CodingKey, CaseIterable {
            case bool
        }
    }
}

enum Test02: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var bool: Bool

        enum CodingKeys: String, CodingKey, CaseIterable {
            case bool
            case clientID = "client_id"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var int: Int64

        enum CodingKeys: String, CodingKey, CaseIterable {
            case int
        }
    }
}

enum Test03: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var int: Int64

        enum CodingKeys: String, CodingKey, CaseIterable {
            case int
            case clientID = "client_id"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var float: Double

        enum CodingKeys: String, CodingKey, CaseIterable {
            case float
        }
    }
}

enum Test04: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var float: Double

        enum CodingKeys: String, CodingKey, CaseIterable {
            case float
            case clientID = "client_id"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var string: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case string
        }
    }
}

enum Test05: CertificationMethod {
    typealias Result = Certification.Four

    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var string: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case string
            case clientID = "client_id"
        }
    }
}

enum Test06: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var bool: Bool
        var int: Int64
        var float: Double
        var string: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case bool, int, float, string
            case clientID = "client_id"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var four: Certification.Four

        enum CodingKeys: String, CodingKey, CaseIterable {
            case four = "struct"
        }
    }
}

enum Test07: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var four: Certification.Four

        enum CodingKeys: String, CodingKey, CaseIterable {
            case clientID = "client_id"
            case four = "struct"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var map: [String: String]

        enum CodingKeys: String, CodingKey, CaseIterable {
            case map
        }
    }
}

enum Test08: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var map: [String: String]

        enum CodingKeys: String, CodingKey, CaseIterable {
            case map
            case clientID = "client_id"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var set: [String: NoFields]

        enum CodingKeys: String, CodingKey, CaseIterable {
            case set
        }
    }
}

enum Test09: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var set: [String: NoFields]

        enum CodingKeys: String, CodingKey, CaseIterable {
            case set
            case clientID = "client_id"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var mytype: Certification.MyType

        enum CodingKeys: String, CodingKey, CaseIterable {
            case mytype
        }
    }
}

enum Test10: CertificationMethod {
    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var mytype: Certification.MyType

        enum CodingKeys: String, CodingKey, CaseIterable {
            case mytype
            case clientID = "client_id"
        }
    }

    struct Result: VarlinkObject, Hashable {
        var string: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case string
        }
    }
}

enum Test11: CertificationMethod {
    typealias Result = NoFields

    struct Parameters: VarlinkObject, Hashable {
        var clientID: String
        var lastMoreReplies: [String]

        enum CodingKeys: String, CodingKey, CaseIterable {
            case clientID = "client_id"
            case lastMoreReplies = "last_more_replies"
        }
    }
}

enum End: CertificationMethod {
    typealias Parameters = Certification.ClientID

    struct Result: VarlinkObject, Hashable {
        var allOK: Bool

        enum CodingKeys: String, CodingKey, CaseIterable {
            case allOK = "all_ok"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// The declarations of `org.varlink.certification` in Swift.

internal import Varlink

/// The interface by which implementations of Varlink test each other.
enum Certification {
    static let name = "org.varlink.certification"
    static let description = String(
        decoding: PackageResources.org_varlink_certification_varlink, as: UTF8.self)

    struct ClientID: VarlinkObject, Hashable {
        var clientID: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case clientID = "client_id"
        }
    }

    /// Four values of four types.
    struct Four: VarlinkObject, Hashable {
        var bool: Bool
        var int: Int64
        var float: Double
        var string: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case bool, int, float, string
        }
    }

    struct Pair: VarlinkObject, Hashable {
        var first: Int64
        var second: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case first, second
        }
    }

    enum Metasyntactic: String, Codable, Sendable {
        case foo, bar, baz
    }

    enum Number: String, Codable, Sendable {
        case one, two, three
    }

    struct FooBar: VarlinkObject, Hashable {
        var foo: Bool
        var bar: Bool

        enum CodingKeys: String, CodingKey, CaseIterable {
            case foo, bar
        }
    }

    struct Interface: VarlinkObject, Hashable {
        var foo: [[String: Metasyntactic]?]?
        var anon: FooBar

        enum CodingKeys: String, CodingKey, CaseIterable {
            case foo, anon
        }
    }

    struct MyType: VarlinkObject, Hashable {
        var object: [String: JSONValue]
        var number: Number
        var pair: Pair
        var array: [String]
        var dictionary: [String: String]
        var stringset: [String: NoFields]
        var nullable: String?
        var nullableArrayStruct: [Pair]?
        var interface: Interface

        enum CodingKeys: String, CodingKey, CaseIterable {
            case object, array, dictionary, stringset, nullable, interface
            case number = "enum"
            case pair = "struct"
            case nullableArrayStruct = "nullable_array_struct"
        }
    }
}

/// A method of the interface.
protocol CertificationMethod: VarlinkMethod {}

extension CertificationMethod {
    static var interface: String { Certification.name }
    static var name: String { "\(Self.self)" }
}

/// The error that tells of a call that is not the one that was expected.
struct CertificationError: DeclaredError {
    static let fullName = "\(Certification.name).CertificationError"
    var wants: [String: JSONValue]
    var got: [String: JSONValue]

    enum CodingKeys: String, CodingKey, CaseIterable {
        case wants, got
    }
}

/// The error that tells that no client has this id.
struct ClientIDError: DeclaredError {
    static let fullName = "\(Certification.name).ClientIdError"

    enum CodingKeys: CodingKey, CaseIterable {}
}

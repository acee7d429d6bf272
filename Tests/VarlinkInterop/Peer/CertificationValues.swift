// SPDX-License-Identifier: Apache-2.0
// The values that go to and fro in a certification, as both ends expect them.

internal import Varlink

extension Certification {
    static let four = Four(bool: false, int: 2, float: .pi, string: "a lot of string")
    static let map = ["foo": "Foo", "bar": "Bar"]
    static let set = ["one": NoFields(), "two": NoFields(), "three": NoFields()]
    static let replies = (1...10).map { "Reply number \($0)" }

    static let myType = MyType(
        object: [
            "method": "org.varlink.certification.Test09",
            "parameters": .object(["map": .object(["foo": "Foo", "bar": "Bar"])]),
        ],
        number: .two, pair: Pair(first: 1, second: "2"), array: ["one", "two", "three"], dictionary: map,
        stringset: set, nullable: nil, nullableArrayStruct: nil,
        interface: Interface(
            foo: [nil, ["foo": .foo, "bar": .bar], nil, ["one": .foo, "two": .bar]],
            anon: FooBar(foo: true, bar: false)))
}

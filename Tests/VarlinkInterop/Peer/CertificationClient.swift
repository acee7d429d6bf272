// SPDX-License-Identifier: Apache-2.0
// The client's side of `org.varlink.certification`: it calls one method after the other with what it was replied.

internal import Varlink

/// Goes through the certification of a server; prints a line for each step, and throws at the first that fails.
func certify(_ client: inout BlockingClient) throws {
    func done(_ step: String) { print("ok \(step)") }

    let info = try client.call(GetInfo.self, NoFields())
    guard info.interfaces.contains(Certification.name) else { throw Mismatch(step: "GetInfo", got: "\(info)") }
    done("GetInfo")
    let query = DescriptionQuery(interface: Certification.name)
    let description = try client.call(GetInterfaceDescription.self, query).description
    guard description.contains("interface \(Certification.name)\n") else {
        throw Mismatch(step: "GetInterfaceDescription", got: description)
    }
    done("GetInterfaceDescription")

    let id = try client.call(Start.self, NoFields()).clientID
    let bool = try client.call(Test01.self, .init(clientID: id)).bool
    let int = try client.call(Test02.self, .init(clientID: id, bool: bool)).int
    let float = try client.call(Test03.self, .init(clientID: id, int: int)).float
    let string = try client.call(Test04.self, .init(clientID: id, float: float)).string
    let four = try client.call(Test05.self, .init(clientID: id, string: string))
    let nested = try client.call(
        Test06.self,
        .init(clientID: id, bool: four.bool, int: four.int, float: four.float, string: four.string)
    ).four
    let map = try client.call(Test07.self, .init(clientID: id, four: nested)).map
    let set = try client.call(Test08.self, .init(clientID: id, map: map)).set
    let mytype = try client.call(Test09.self, .init(clientID: id, set: set)).mytype
    guard mytype == Certification.myType else { throw Mismatch(step: "Test09", got: "\(mytype)") }
    done("Test01 to Test09")
    let replies = try client.stream(Test10.self, .init(clientID: id, mytype: mytype)).map(\.string)
    guard replies == Certification.replies else { throw Mismatch(step: "Test10", got: "\(replies)") }
    done("Test10, with more")
    try client.send(Test11.self, .init(clientID: id, lastMoreReplies: replies))
    guard try client.call(End.self, .init(clientID: id)).allOK else { throw Mismatch(step: "End", got: "false") }
    done("Test11, with oneway, and End")

    do {
        _ = try client.call(Test03.self, .init(clientID: id, int: 3))
        throw Mismatch(step: "an error", got: "a reply")
    } catch let error as VarlinkError where error.name.hasPrefix(Certification.name + ".") {
        done("an error")
    }
}

/// Something that the server did and should not have.
struct Mismatch: Error {
    let step: String
    let got: String
}

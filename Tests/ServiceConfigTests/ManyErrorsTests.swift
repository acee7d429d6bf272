// SPDX-License-Identifier: Apache-2.0
// Files that are wrong all over: a hundred errors are told, in a time that grows with the file.

internal import ServiceConfig
internal import Testing

@Suite("Very many errors", .timeLimit(.minutes(1)))
struct ManyErrorsTests {
    private func failure(_ text: String) -> ConfigErrors? {
        #expect(throws: ConfigErrors.self) { try configuration([("x.toml", text)]) }
    }

    @Test("up to the limit all are told, with one more the first and that there are more", arguments: [99, 100, 101])
    func limit(count: Int) {
        let keys = (1...count).map { "unknown\($0) = 1\n" }.joined()
        let failure = failure("listen = 7\nbuiltin = \"echo\"\n" + keys)
        #expect(failure?.errors.count == min(count, 100) && failure?.hasMore == (count > 100))
        #expect(failure?.errors.map(\.line) == (0..<min(count, 100)).map { $0 + 3 })
        let end = count > 100 ? "100 errors, and more\n" : "\(count) errors\n"
        #expect(failure?.description.hasSuffix(end) == true)
    }

    @Test("one address a hundred thousand times")
    func sameAddress() {
        let list = Array(repeating: "1", count: 100_000).joined(separator: ",")
        let failure = failure("listen = [\(list)]\nbuiltin = \"echo\"\n")
        #expect(failure?.hasMore == true)
        #expect(failure.map { $0.description.utf8.count < 100_000 } == true)
    }

    @Test("ninety thousand unknown keys")
    func unknownKeys() {
        let keys = (1...90_000).map { "k\($0)=1\n" }.joined()
        #expect(failure(keys).map { $0.description.utf8.count < 100_000 } == true)
    }

    @Test("twenty thousand addresses of one port are compared in no time")
    func manyAddresses() throws {
        let list = (0..<20_000).map { "\"10.0.\($0 / 250).\($0 % 250 + 1):79\"" }.joined(separator: ",")
        let echo = "builtin = \"echo\"\n"
        #expect(try configuration([("x.toml", "listen = [\(list)]\n" + echo)]).services[0].listen.count == 20_000)
        #expect(failure("listen = [\(list), \"0.0.0.0:79\"]\n" + echo)?.errors.count == 1)
        #expect(failure("listen = [\"0.0.0.0:79\", \(list)]\n" + echo)?.hasMore == true)
    }

    @Test("the hint for a number without quotes shows an example of its own key")
    func hint() {
        let mode = errors("listen = \"/run/x\"\nbuiltin = \"echo\"\nsocket_mode = 0660\n")
        #expect(mode.first?.expected?.hasSuffix("socket_mode = \"0660\"") == true)
        let mask = errors("listen = 7\nexec = [\"/bin/x\"]\numask = 022\n")
        #expect(mask.first?.expected?.hasSuffix("umask = \"022\"") == true)
    }
}

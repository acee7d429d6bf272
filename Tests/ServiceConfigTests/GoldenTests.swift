// SPDX-License-Identifier: Apache-2.0
// What an operator reads for each mistake, letter by letter. `SERVERD_UPDATE_GOLDEN=1` writes the files anew.

import ServiceConfig
import Testing

@Suite("golden errors")
struct GoldenTests {
    private static let directory = Files.here + "/Golden"
    static let cases = (try? Files.names(directory)) ?? []

    @Test("each mistake is reported in the words of its golden file", arguments: cases)
    func golden(name: String) throws {
        let directory = "\(Self.directory)/\(name)"
        let inputs = try Files.names(directory).filter { $0.hasSuffix(".toml") }
        let files = try inputs.map { SourceFile(path: $0, contents: .success(try Files.bytes("\(directory)/\($0)"))) }
        let error = #expect(throws: ConfigErrors.self) {
            try Configuration(
                main: files.first { $0.path == "serverd.toml" }, services: files.filter { $0.path != "serverd.toml" },
                context: asRoot)
        }
        let rendered = error?.description ?? ""
        if Files.updatesGolden { try Files.write(rendered, to: "\(directory)/expected.txt") }
        #expect(try rendered == Files.text("\(directory)/expected.txt"))
    }

    @Test("there are golden cases")
    func thereAreCases() {
        #expect(Self.cases.count >= 15)
    }
}

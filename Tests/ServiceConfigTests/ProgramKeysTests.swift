// SPDX-License-Identifier: Apache-2.0
// Each key that says how a program is run, and as whom.

import ServiceConfig
import Testing

@Suite("keys of a program")
struct ProgramKeysTests {
    @Test("a program with nothing said of it has the documented defaults")
    func defaults() throws {
        let program = try program("")
        #expect(program.path == "/bin/x" && program.arguments == ["/bin/x"])
        #expect(program.environment.isEmpty && program.passEnvironment.isEmpty)
        #expect(program.workingDirectory == "/" && program.umask == 0o022)
        #expect(program.successExitStatus == SuccessExitStatus(codes: [0]))
        #expect(!program.allowsShutdown)
    }

    @Test("exec is a list that begins with an absolute path")
    func exec() {
        func messages(_ exec: String) -> [String] {
            errors("listen = 7\nuser = \"git\"\nexec = \(exec)").map(\.message)
        }
        #expect(messages("[\"/bin/cat\", \"\", \"a b\"]") == [])
        #expect(messages("\"/bin/cat -u\"") == ["`exec` is a text"])
        #expect(messages("[]") == ["`exec` is an empty list"])
        #expect(messages("[\"cat\"]") == ["`cat` is not an absolute path"])
        #expect(messages("[\"\"]") == ["`` is not an absolute path"])
        #expect(messages("[\"/bin/cat\", 1, \"b\", true]") == ["`exec` is a whole number", "`exec` is a boolean"])
        #expect(messages("[\"/bin/cat\", \"a\\u0000b\"]") == ["`exec` has a NUL character in it"])
        #expect(
            errors("listen = 7\nuser = \"git\"\nexec = \"/bin/cat\"").first?.expected
                == "a list with the program and its arguments, such as exec = [\"/usr/bin/git\", \"daemon\", \"--inetd\"]"
        )
    }

    @Test("root must name the user of a program, by name or number")
    func users() throws {
        let git = try program("user = \"git\"").account
        #expect(
            git
                == Account(
                    name: "git", uid: 1000, gid: 1000, supplementaryGroups: [1000, 50, 60], home: "/srv/git",
                    shell: "/bin/sh"))
        #expect(try program("user = 1000").account == git)
        #expect(try program("user = \"1000\"").account == git)
        #expect(try program("user = \"root\"").account?.uid == 0)
        #expect(try program("user = \"git\"\ngroup = 7").account?.gid == 7)
        #expect(
            errors("listen = 7\nexec = [\"/bin/x\"]").map(\.message) == [
                "the service has no `user`: its program would run as root"
            ])
        #expect(programErrors("user = \"gti\"") == ["there is no user `gti`"])
        #expect(programErrors("user = \"git\"\ngroup = \"gti\"") == ["there is no group `gti`"])
    }

    @Test("a user that only has a number needs a group")
    func unknownNumber() throws {
        #expect(programErrors("user = 4242") == ["user 4242 is not in the user database"])
        let account = try program("user = 4242\ngroup = 7").account
        #expect(account == Account(name: "4242", uid: 4242, gid: 7, groupName: "7", supplementaryGroups: [7]))
    }

    @Test("the number that means no change to the kernel is no user and no group")
    func largestNumbers() throws {
        #expect(try program("user = 4294967294\ngroup = 4294967294").account?.uid == .max - 1)
        let wrong = "`user` is not a name and not a number of one"
        for number in ["4294967295", "\"4294967295\"", "4294967296", "-1", "\"\""] {
            #expect(programErrors("user = \(number)") == [wrong])
        }
        #expect(programErrors("group = 4294967295") == ["`group` is not a name and not a number of one"])
        #expect(programErrors("user = true") == ["`user` is a boolean"])
    }

    @Test("a user database that fails is an error with its reason, not an unknown user")
    func brokenDatabase() {
        #expect(programErrors("user = \"broken\"") == ["user `broken` cannot be looked up: Input/output error"])
        #expect(programErrors("group = \"broken\"") == ["group `broken` cannot be looked up: Input/output error"])
        #expect(
            programErrors("user = \"daemon\"") == [
                "the groups of user `daemon` cannot be looked up: Input/output error"
            ])
    }

    @Test("without root a program runs as the daemon does, and as nobody else")
    func withoutRoot() throws {
        #expect(try program("", as: asGit).account == nil)
        #expect(try program("user = \"git\"\ngroup = \"git\"", as: asGit).account == nil)
        #expect(
            programErrors("user = \"root\"", as: asGit) == [
                "serverd runs as user 1000 and cannot run a program as user 0"
            ])
        #expect(
            programErrors("group = \"staff\"", as: asGit) == [
                "serverd runs with group 1000 and cannot run a program with group 50"
            ])
        let file = "listen = \"/run/x\"\nbuiltin = \"echo\"\nsocket_group = \"staff\"\nsocket_user = "
        #expect(errors(file + "\"git\"", as: asGit).isEmpty)
        #expect(
            errors(file + "\"root\"", as: asGit).map(\.message) == ["only root can give a socket file to another user"])
    }

    @Test("permission bits are octal numbers in quotes", arguments: ["umask", "socket_mode"])
    func permissions(key: String) throws {
        func messages(_ value: String) -> [String] {
            errors("listen = \"/run/x\"\nuser = \"git\"\nexec = [\"/bin/x\"]\n\(key) = \(value)").map(\.message)
        }
        for value in ["0", "022", "0022", "777", "0777"] { #expect(messages("\"\(value)\"") == []) }
        for value in ["1000", "00022", "8", "0o22", "-1", "+2", "", "rwx"] {
            #expect(messages("\"\(value)\"") == ["`\(key)` cannot be `\(value)`"])
        }
        #expect(messages("22") == ["`\(key)` is a whole number"])
        #expect(messages("0o22") == ["`\(key)` is a whole number"])
        let bare = errors("listen = 7\nbuiltin = \"echo\"\n\(key) = 022").first
        #expect(bare?.expected == "an octal number in quotes, such as \(key) = \"\(key == "umask" ? "022" : "0660")\"")
        #expect(try program("umask = \"0777\"").umask == 0o777)
    }

    @Test("variables have names that programs can read, and texts")
    func environment() throws {
        #expect(try program("environment = { A = \"1\", b_2 = \"\" }").environment == ["A": "1", "b_2": ""])
        #expect(try program("[environment]\nA = \"=\"").environment == ["A": "="])
        #expect(try program("environment.A = \"1\"").environment == ["A": "1"])
        for name in ["", "1A", "A=B", "A B", "Ä", "A\\u0000", "[", "`", "@", "{"] {
            #expect(
                programErrors("environment = { \"\(name)\" = \"x\" }").first?.hasSuffix("the name of a variable")
                    == true)
            #expect(programErrors("pass_environment = [\"\(name)\"]").count == 1)
        }
        #expect(programErrors("environment = { PORT = 80 }") == ["variable `PORT` is a whole number"])
        #expect(programErrors("environment = { A = \"\\u0000\" }") == ["variable `A` has a NUL character in it"])
        #expect(programErrors("environment = [\"A=1\"]") == ["`environment` is a list"])
        #expect(programErrors("pass_environment = \"TZ\"") == ["`pass_environment` is a text"])
    }

    @Test("a working directory is an absolute path")
    func workingDirectory() throws {
        #expect(try program("working_directory = \"/srv\"").workingDirectory == "/srv")
        #expect(programErrors("working_directory = \"srv\"") == ["`srv` is not an absolute path"])
        #expect(programErrors("working_directory = \"~\"") == ["`~` is not an absolute path"])
        #expect(programErrors("working_directory = \"\"") == ["`` is not an absolute path"])
    }

    @Test("successes are exit codes from 0 to 255 and signals by name")
    func successExitStatus() throws {
        let status = try program("success_exit_status = [0, 255, \"SIGHUP\"]").successExitStatus
        #expect(status.codes == [0, 255] && status.signals == [1])
        #expect(try program("success_exit_status = []").successExitStatus.codes == [0])
        #expect(
            programErrors("success_exit_status = [-1, 256]") == ["-1 is not an exit code", "256 is not an exit code"])
        #expect(programErrors("success_exit_status = 1") == ["`success_exit_status` is a whole number"])
        #expect(programErrors("success_exit_status = [true]") == ["`success_exit_status` is a boolean"])
        let wrong = errors(
            "listen = 7\nuser = \"git\"\nexec = [\"/x\"]\nsuccess_exit_status = [\"TERM\", \"sigpipe\", \"15\"]"
        )
        #expect(wrong.map(\.suggestion) == ["SIGTERM", "SIGPIPE", nil])
    }
}

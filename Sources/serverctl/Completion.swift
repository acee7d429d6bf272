// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl completion`.

internal import ArgumentParser

/// Prints the completions for a shell.
struct Completion: Verb {
    /// A shell that there are completions for.
    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash, zsh, fish
    }

    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Prints completions for a shell, with live names of services and ids of connections.",
        discussion: """
            bash: serverctl completion bash > /usr/share/bash-completion/completions/serverctl
            zsh: serverctl completion zsh > /usr/share/zsh/vendor-completions/_serverctl
            fish: serverctl completion fish > /usr/share/fish/vendor_completions.d/serverctl.fish
            """)

    @Argument(help: "The shell.")
    var shell: Shell

    /// Prints them.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        let parser: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        context.print(Serverctl.completionScript(for: parser) + "\n")
        return .done
    }
}

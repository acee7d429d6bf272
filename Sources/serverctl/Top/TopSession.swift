// SPDX-License-Identifier: Apache-2.0
// The loop of `serverctl top`: keys, signals and replies go into the model, and the screen shows it.

internal import Descriptors
internal import Glibc
internal import SystemPackage

/// How a session ended that nothing went wrong in.
enum TopEnd: Equatable {
    /// By a key.
    case quit
    /// By this signal.
    case signal(CInt)
}

/// One session of `serverctl top`.
struct TopSession: ~Copyable {
    /// How long an Escape is waited behind for the rest of a key.
    private static let escapeTime: Int64 = 50_000

    private let context: Context
    private var screen: FullScreen
    private var feed: TopFeed
    private var model = TopModel()
    private var keys = TopKeyDecoder()
    private var size: TerminalSize
    private let style: Style
    private let glyphs: Sparkline.Glyphs

    /// A session on a terminal, fed by `feed`.
    init(_ screen: FullScreen, _ feed: consuming TopFeed, _ context: Context) {
        self.screen = screen
        self.feed = feed
        self.context = context
        size = screen.size
        style = Style(colour: context.mayColour)
        glyphs = context.isUTF8 ? .blocks : .ascii
    }

    /// Goes on until a key or a signal ends it.
    ///
    /// The terminal is then still the session's.
    mutating func run(_ signals: borrowing TerminalSignals) throws(Failure) -> TopEnd {
        while true {
            try feed.askIfDue()
            draw()
            let ready = try wait([signals.number, context.input] + feed.numbers)
            signals.drain()
            if let signal = signals.takeEnding() { return .signal(signal) }
            try follow(signals)
            if try takeKeys(isReady: ready[1]) { return .quit }
            try takeReplies(Array(ready.dropFirst(2)))
        }
    }

    /// Waits until there is something to be done, and tells from which descriptors something can be read.
    private func wait(_ numbers: [CInt]) throws(Failure) -> [Bool] {
        var polled = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let time = keys.isInKey ? min(Self.escapeTime, feed.timeLeft) : feed.timeLeft
        // Rounded up: there is nothing to be done before that.
        let result = poll(&polled, nfds_t(polled.count), CInt(clamping: (time + 999) / 1000))
        guard result >= 0 || errno == EINTR else {
            let reason = Errno(rawValue: errno).textWithName
            throw Failure(status: .failed, message: "cannot wait for keys: \(reason)")
        }
        // What a signal has interrupted tells nothing.
        return polled.map { result > 0 && $0.revents != 0 }
    }

    private mutating func draw() {
        screen.draw(TopScreen(model: model, size: size, style: style, glyphs: glyphs).lines)
    }

    /// Follows the terminal: its size, and its return from others.
    private mutating func follow(_ signals: borrowing TerminalSignals) throws(Failure) {
        if signals.take(SIGTSTP) { try suspend() }
        if signals.take(SIGCONT) { try enter() }
        if signals.take(SIGWINCH) {
            size = screen.size
            screen.forget()
        }
    }

    private mutating func enter() throws(Failure) {
        do throws(Errno) {
            try screen.enter()
        } catch {
            throw Failure(status: .failed, message: "cannot set up the terminal: \(error.textWithName)")
        }
        size = screen.size
    }

    /// Stops the process, on a terminal as it was before; it goes on when it is continued.
    private mutating func suspend() throws(Failure) {
        screen.leave()
        raise(SIGSTOP)
        try enter()
    }

    /// Takes the keys that were pressed, and tells whether one of them ends the session.
    private mutating func takeKeys(isReady: Bool) throws(Failure) -> Bool {
        var pressed: [TopKey] = []
        if isReady {
            guard let bytes = screen.read() else {
                throw Failure(status: .failed, message: "cannot go on: the terminal is gone")
            }
            pressed = keys.decode(bytes)
        } else if keys.isInKey {
            pressed = keys.flush()
        }
        for key in pressed {
            switch model.press(key) {
            case nil: break
            case .quit: return true
            case .redraw: screen.forget()
            case .suspend: try suspend()
            case .close(let id): model.take(message: feed.close(id))
            }
        }
        return false
    }

    private mutating func takeReplies(_ isReady: [Bool]) throws(Failure) {
        if let sample = try feed.takeSample(isReady: isReady.first ?? false, now: context.now()) { model.take(sample) }
        if let message = feed.takeClosing(isReady: isReady.count > 1 && isReady[1]) { model.take(message: message) }
    }
}

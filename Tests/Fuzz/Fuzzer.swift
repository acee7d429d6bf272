// SPDX-License-Identifier: Apache-2.0
// The entry of libFuzzer, which makes up bytes and watches which of our code they reach.

/// Checks what is promised of the bytes that the fuzzer has made; ends the process if it is not kept.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    if let broken = brokenPromise(for: Array(UnsafeBufferPointer(start: start, count: count))) {
        fatalError(broken)
    }
    return 0
}

//! The binary: nothing but the library, whose compiling need not wait for the code of what it stands on.

fn main() -> std::process::ExitCode {
    xtask::run()
}

//! The `minerwatch` command; see [`minerwatch::cli`].

fn main() -> std::process::ExitCode {
    minerwatch::cli::main()
}

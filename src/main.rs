//! The program: reads the arguments and calls the library.

fn main() -> std::process::ExitCode {
    convoke::surface::cli::run()
}

//! The program: reads the arguments and calls the library.

/// A call allocates some hundred times; the system's allocator took a sixth of what a write costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    convoke::surface::cli::run()
}

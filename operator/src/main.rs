//! The `urr-operator` program. What it does is in the library; here are only the allocator
//! and the exit code.

/// Gives memory back sooner than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    urr_operator::main()
}

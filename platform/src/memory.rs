//! Returns the memory of pictures to the system. By default, glibc raises its mmap threshold when
//! large blocks are freed and keeps later ones (up to 32 MB each, in up to eight arenas for each
//! core) for reuse. With pictures that is hundreds of megabytes of unused memory.

/// Blocks of this size and more are mapped and unmapped one by one: pictures are, rows are not.
#[cfg(target_env = "gnu")]
const MAPPED_FROM_BYTES: std::ffi::c_int = 1024 * 1024;

/// Call this before any thread is started.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub fn return_large_blocks() {
    // SAFETY: mallopt(3) only sets a parameter of the allocator and takes no pointers. Setting the
    // threshold also disables its automatic growth, which is the purpose.
    let set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES) };
    debug_assert_eq!(set, 1, "glibc takes any threshold below 32 MB");
}

/// Other C libraries return large blocks by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn return_large_blocks() {}

//! Gives the memory of pictures back to the system. By default glibc learns from large blocks
//! that are freed and keeps later ones (up to 32 MB each, in up to eight pools for each core) for
//! reuse; with pictures that is hundreds of megabytes that nobody uses.

/// Blocks from this size on are mapped and unmapped one by one: a picture is, a row is not.
#[cfg(target_env = "gnu")]
const MAPPED_FROM_BYTES: std::ffi::c_int = 1024 * 1024;

/// Call this first of all, before there are threads.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub fn return_large_blocks() {
    // SAFETY: mallopt(3) only sets a parameter of the allocator and takes no pointers. Setting
    // the threshold also ends its automatic growth, which is the point.
    let set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES) };
    debug_assert_eq!(set, 1, "glibc takes any threshold below 32 MB");
}

/// Other C libraries return large blocks by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn return_large_blocks() {}

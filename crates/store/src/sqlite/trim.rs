//! Gives memory that SQLite has freed back to the system.
//!
//! SQLite takes its pages one by one from the allocator of C, whatever allocator the program has for itself. glibc's gives back by
//! itself only what lies at the end of its heaps, and one statement that was prepared late keeps all pages before it resident.

/// Takes some milliseconds where much was freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "there is no other way to ask")]
pub(super) fn give_back() {
    // SAFETY: it may be called at any time by any thread; it locks each heap that it looks at.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do it by themselves, or not at all.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn give_back() {}

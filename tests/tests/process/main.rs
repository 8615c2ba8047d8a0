//! State that all threads of a process share: its memory and its cryptography provider.
//!
//! There is one test for each. The memory test counts the whole process, so no other test here may hold much.

use peak_alloc::PeakAlloc;

mod memory_bound;
mod tls_provider;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

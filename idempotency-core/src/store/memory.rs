//! `MemoryStore`: records in this process's memory.

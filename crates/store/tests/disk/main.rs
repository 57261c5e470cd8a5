//! A disk that fails, a machine whose power fails, a disk that forgets: what the store makes of each.
//!
//! SQLite runs on a VFS of our own (`vfs`) that writes down everything that is done to the files and fails when told to. From
//! what was written down `medium` makes the files that a power cut could leave. What is to be answered is memory's to say
//! (`script`).
//!
//! All of it goes by seed. Which call of the checkpointer's thread comes between which of the writer's is not a seed's to say: a
//! failure prints the seed, and where it was kept the image.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

mod faults;
mod flips;
mod medium;
mod play;
mod power;
mod reencrypt;
mod script;
mod seed;
mod vfs;

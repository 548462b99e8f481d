//! From jobs to finished files, inside one process: what is joined, what kinds of files there are, and whether sound
//! stays with its picture.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bench;
mod drift;
mod formats;
mod joined;

//! The client against a real HTTP server on a real unix socket, and against processes it starts itself.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod connecting;
mod following;
mod scripted_server;
mod talking;

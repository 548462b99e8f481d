//! The client against a real HTTP server on a real unix socket, and against processes it starts itself.

mod connecting;
mod following;
mod scripted_server;
mod talking;

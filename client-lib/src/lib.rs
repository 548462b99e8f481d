//! Typed client of Fenta's `/v1`, for the daemon on this machine and the hosted service alike.
//!
//! Neighbours: `fenta-workflows` owns the words (events, states, reasons); the CLI calls this crate; the daemon
//! implements the other side with the same shapes. It keeps no state on disk besides the user's keys and a lock held while a
//! daemon is being started, reads no environment and no configuration (a [`ClientConfig`] is passed in) and prints nothing.
//!
//! - A [`Client`] speaks with one server: the daemon's socket, a loopback port, or https. It is cheap to clone.
//! - What may be done twice is tried again, what must not be is tried again only when it was certainly not received; every
//!   POST carries an Idempotency-Key, the same one in all its tries. `Retry-After` is obeyed, and all clients of a process
//!   share one bucket of turns per host.
//! - [`EventStream`] follows a job over broken connections and restarts, each event once.
//! - `transfer` sends files in parts and fetches them in ranges; both go on where they stopped, also in a new process.
//! - Errors are [`ClientError`]s with a kind, and with the server's own problem where it sent one.
//!
//! `examples/` holds whole programs: `run_workflow` and `send_file`.

pub mod api;
pub mod context;
pub mod credentials;
pub mod daemon_connect;
pub mod error;
pub mod events;
pub mod exit_code;
mod ffi_setsid;
mod private_file;
pub mod raw;
pub mod tokens;
pub mod transfer;
pub mod transport;
mod turns;
pub mod webhooks;
mod whole_file;

pub use daemon_connect::{ConnectError, Connected, Daemon, DaemonConfig, Library, Probe};
pub use error::{ClientError, ErrorKind, Retry};
pub use events::{EventStream, Followed};
pub use transport::{Client, ClientConfig, Endpoint, RetryPolicy};

use api::meta::ApiRange;

/// The versions of the API this client speaks.
pub const API: ApiRange = ApiRange { min: 1, max: 1 };

//! Typed client of Fenta's `/v1`, for the daemon on this machine and the hosted service alike.
//!
//! Neighbours: `fenta-workflows` owns the words (events, states, reasons); the CLI calls this crate; the daemon
//! implements the other side with the same shapes. It keeps no state on disk besides the user's keys and a lock held while a
//! daemon is being started, reads no environment and no configuration (a [`ClientConfig`] is passed in) and prints nothing.

pub mod api;
pub mod credentials;
pub mod daemon_connect;
pub mod error;
pub mod events;
pub mod exit_code;
mod ffi_setsid;
pub mod transport;
pub mod webhooks;

pub use daemon_connect::{ConnectError, Connected, Daemon, DaemonConfig, Library, Probe};
pub use error::{ClientError, ErrorKind, Retry};
pub use events::{EventStream, Followed};
pub use transport::{Client, ClientConfig, Endpoint, RetryPolicy};

use api::meta::ApiRange;

/// The versions of the API this client speaks.
pub const API: ApiRange = ApiRange { min: 1, max: 1 };

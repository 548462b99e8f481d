//! The resources of `/v1`, one file each: the shapes that cross the wire and the calls beside them.
//!
//! Neighbours: `transport` carries the calls; the daemon's handlers use the same shapes, so the two sides cannot
//! drift apart. Nothing here touches the disk, the terminal or the environment.

pub mod assets;
pub mod auth;
pub mod cache;
pub mod jobs;
pub mod kai;
pub mod meta;
pub mod notices;
pub mod orgs;
pub mod plan;
pub mod problem;
pub mod providers;
pub mod recordings;
pub mod schedules;
pub mod sync;
pub mod usage;
pub mod watches;
pub mod workflows;
pub mod workspaces;

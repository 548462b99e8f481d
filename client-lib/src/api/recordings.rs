//! Recordings: a job as a file, with its request and everything that happened, to be looked at elsewhere or later.

use serde::{Deserialize, Serialize};

use super::jobs::{CreateJob, Job, JobEvent, JobState};
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// The format this release writes. Releases read the formats of all releases before them.
pub const FORMAT: &str = "fenta-job/v1";

/// A job as a file. What looked like a secret was replaced by `[redacted]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Recording {
    /// [`FORMAT`].
    pub format: String,
    /// The release of the daemon that wrote it.
    pub release: String,
    /// The renderer the job was made with.
    pub tool: String,
    /// The user's calendar day when the job was accepted.
    pub local_date: String,
    /// What was asked for; missing where the daemon could not read it any more.
    #[serde(default)]
    pub request: Option<CreateJob>,
    /// The job with its nodes.
    pub job: Job,
    /// Everything that happened, oldest first.
    pub events: Vec<JobEvent>,
}

impl Recording {
    /// Whether this release can keep it as a job; if not, why.
    pub fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!(
                "the format is `{}`, this release reads `{FORMAT}`",
                self.format
            ));
        }
        let id = &self.job.id;
        let digits = id.strip_prefix("job_").unwrap_or_default();
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("`{id}` is not the id of a job"));
        }
        if !self.job.state.is_final() || self.job.state == JobState::Paused {
            return Err(format!(
                "the job is {}: recordings are of jobs that have ended",
                self.job.state.as_str()
            ));
        }
        for (index, event) in self.events.iter().enumerate() {
            if event.seq != index as u64 + 1 || event.job != *id {
                return Err(format!(
                    "event {} of {} has seq {} of {}: the log has a hole or is another job's",
                    index + 1,
                    self.events.len(),
                    event.seq,
                    event.job
                ));
            }
        }
        Ok(())
    }
}

impl Client {
    /// A job as a file. `id` may be a unique prefix or `latest`.
    pub async fn recording(&self, id: &str) -> Result<Recording, ClientError> {
        self.call(Call::get(&["v1", "jobs", id, "recording"])).await
    }

    /// Keeps a recording beside the server's own jobs, to be looked at.
    pub async fn import_recording(&self, recording: &Recording) -> Result<Job, ClientError> {
        self.call(Call::post(&["v1", "recordings"], Repeat::Unsent).body(recording))
            .await
    }
}

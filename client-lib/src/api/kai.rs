//! Pictures and clips made by models, without a document: each is a job of one node.

use serde::{Deserialize, Serialize};

use crate::api::jobs::Job;
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Body of `POST /v1/kai/generate-image`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateImage {
    /// What is seen.
    pub prompt: String,
    /// The model, `kie:flux-2-pro`; the configured one where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Width to height: `9:16`, `16:9`, `1:1`, `3:4` or `4:3`. Missing, it follows from `width` and `height`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect: Option<String>,
    /// Pixels of the width, about; only with `height`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64, max = 4096))]
    pub width: Option<u32>,
    /// Pixels of the height, about; only with `width`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64, max = 4096))]
    pub height: Option<u32>,
    /// How many pictures, 1 to 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 8))]
    pub variations: Option<u32>,
    /// What is not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// Where its variation comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
}

/// Body of `POST /v1/kai/generate-video`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateVideo {
    /// What happens.
    pub prompt: String,
    /// The model, `veo3_fast`; the configured one where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Seconds, 1 to 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub duration: Option<u32>,
    /// Width to height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect: Option<String>,
    /// `480p`, `720p`, `1080p` or `4k`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Whether it has sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<bool>,
    /// Absolute path of the first frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Where its variation comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
}

impl Client {
    /// Submits a job that makes pictures.
    pub async fn generate_image(&self, what: &GenerateImage) -> Result<Job, ClientError> {
        self.call(Call::post(&["v1", "kai", "generate-image"], Repeat::Safe).body(what))
            .await
    }

    /// Submits a job that makes a clip.
    pub async fn generate_video(&self, what: &GenerateVideo) -> Result<Job, ClientError> {
        self.call(Call::post(&["v1", "kai", "generate-video"], Repeat::Safe).body(what))
            .await
    }
}

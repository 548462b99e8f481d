//! Jobs, and what becomes one without a document.

use fenta_client::api::jobs::{CreateJob, Job, ResolveJob, ResumeJob};
use fenta_client::api::kai::{GenerateImage, GenerateVideo};
use fenta_client::api::recordings::Recording;

use super::super::routes::Method::Post;
use super::super::routes::{Routes, op};
use super::super::{AppState, jobs, kai, recordings};

/// All of them.
pub(super) fn all() -> Routes<AppState> {
    jobs_routes().and(models_routes())
}

fn jobs_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(Post, "/v1/jobs", "createJob", "Submits a job.")
                .given::<CreateJob>()
                .says::<Job>(202)
                .keyed(),
            jobs::create,
        )
        .on(
            op(
                Post,
                "/v1/jobs/{id}/cancel",
                "cancelJob",
                "Asks for the end of a job.",
            )
            .says::<Job>(200),
            jobs::cancel,
        )
        .on(
            op(
                Post,
                "/v1/jobs/{id}/retry",
                "retryJob",
                "Lets a failed or cancelled job go on.",
            )
            .says::<Job>(200)
            .makes(),
            jobs::retry,
        )
        .on(
            op(
                Post,
                "/v1/jobs/{id}/resume",
                "resumeJob",
                "Lets a job go on, with more to spend if asked for.",
            )
            .maybe::<ResumeJob>()
            .says::<Job>(200)
            .makes(),
            jobs::resume,
        )
        .on(
            op(
                Post,
                "/v1/jobs/{id}/resolve",
                "resolveJob",
                "Says what became of a paid call.",
            )
            .given::<ResolveJob>()
            .says::<Job>(200)
            .makes(),
            jobs::resolve,
        )
        .on(
            op(
                Post,
                "/v1/recordings",
                "importJob",
                "Takes in a job from elsewhere.",
            )
            .given::<Recording>()
            .says::<Job>(201)
            .makes(),
            recordings::import,
        )
}

fn models_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Post,
                "/v1/kai/generate-image",
                "generateImage",
                "Submits a job that makes pictures.",
            )
            .given::<GenerateImage>()
            .says::<Job>(202)
            .keyed(),
            kai::image,
        )
        .on(
            op(
                Post,
                "/v1/kai/generate-video",
                "generateVideo",
                "Submits a job that makes a clip.",
            )
            .given::<GenerateVideo>()
            .says::<Job>(202)
            .keyed(),
            kai::video,
        )
}

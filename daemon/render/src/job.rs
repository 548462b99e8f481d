//! Does one action: the list of everything the worker can be asked to do.
//!
//! Neighbours: `protocol` brings the job and reports the outcome; every arm here calls the module that does the work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fenta_templates::timeline::{FontFace, FontRequest};
use fenta_workflows::action::{
    Action, ActionFacts, CaptionBox, LayOutCaptionsRequest, ProbeRequest, ResolveFontsRequest,
};
use fenta_workflows::digest::blob_digest;
use fenta_workflows::worker::{WorkerEvent, WorkerFailure, WorkerJob};

use crate::audio::{self, AudioDone};
use crate::compose::{Blobs, read_fonts};
use crate::encode::{RunEvent, SEGMENT_FILE, render_segment, render_segments};
use crate::error::RenderError;
use crate::mux::{mux, video_file};
use crate::probe::probe;
use crate::snapshot::{picture_file, snapshot};
use crate::subject::find_subject;
use crate::text::{lay_out_captions, resolve_fonts};
use crate::verify::verify;

/// What an action left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionDone {
    /// Output name to file name inside the output folder.
    pub outputs: BTreeMap<String, String>,
    /// What was learnt.
    pub facts: ActionFacts,
}

impl ActionDone {
    fn file(name: &str, file: &str, facts: ActionFacts) -> Self {
        Self {
            outputs: BTreeMap::from([(name.to_owned(), file.to_owned())]),
            facts,
        }
    }

    fn facts(facts: ActionFacts) -> Self {
        Self {
            outputs: BTreeMap::new(),
            facts,
        }
    }
}

impl From<AudioDone> for ActionDone {
    fn from(done: AudioDone) -> Self {
        Self {
            outputs: done.outputs,
            facts: done.facts,
        }
    }
}

/// Does a job; `progress` hears `(done, total)`.
///
/// # Errors
/// A failure as the daemon wants to hear it.
pub fn perform(
    job: &WorkerJob,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ActionDone, WorkerFailure> {
    let out_dir = Path::new(&job.output_dir);
    let blobs = Blobs(&job.blobs);
    let done = match &job.action {
        Action::Probe(request) => measure(request, blobs)?,
        Action::FindSubject(request) => {
            let path = blobs.path(request.source)?;
            let found = find_subject(path, request, progress)?;
            ActionDone::facts(ActionFacts::Subject(found))
        }
        Action::ResolveFonts(request) => collect_fonts(request, out_dir)?,
        Action::Speak(request) => audio::speak(request, out_dir)?.into(),
        Action::TakeSpeech(request) => audio::take_speech(request, &job.blobs, out_dir)?.into(),
        Action::ExtractSpeech(request) => {
            audio::extract_speech(request, &job.blobs, out_dir)?.into()
        }
        Action::AlignWords(request) => audio::align_words(request, &job.blobs)?.into(),
        Action::ComposeMusic(request) => audio::compose_music(request, out_dir)?.into(),
        Action::FindBeats(request) => audio::find_beats(request, &job.blobs)?.into(),
        Action::Mix(request) => audio::mix(request, &job.blobs, out_dir, progress)?.into(),
        Action::RenderSegment(request) => {
            let facts = render_segment(request, blobs, out_dir, progress)?;
            ActionDone::file("video", SEGMENT_FILE, ActionFacts::Segment(facts))
        }
        Action::Mux(request) => {
            let facts = mux(request, blobs, out_dir, progress)?;
            ActionDone::file(
                "video",
                video_file(request.container),
                ActionFacts::Mux(facts),
            )
        }
        Action::Verify(request) => {
            let facts = verify(blobs.path(request.file)?)?;
            ActionDone::facts(ActionFacts::Verify(facts))
        }
        Action::Snapshot(cover) => {
            let facts = snapshot(cover, blobs, out_dir)?;
            let file = picture_file(cover.format);
            ActionDone::file("image", file, ActionFacts::Picture(facts))
        }
        Action::LayOutCaptions(request) => ActionDone::facts(lay_out(request, blobs)?),
        Action::Collect(_)
        | Action::ReadText(_)
        | Action::Write(_)
        | Action::Publish(_)
        | Action::Invoke(_) => {
            let message = format!(
                "`{}` is done by the daemon, not by a worker",
                job.action.kind()
            );
            return Err(RenderError::internal(message).into());
        }
    };
    Ok(done)
}

/// Where every word of captions lies.
fn lay_out(request: &LayOutCaptionsRequest, blobs: Blobs) -> Result<ActionFacts, RenderError> {
    let fonts = read_fonts(&request.fonts, blobs)?;
    let boxes = lay_out_captions(&request.captions, request.canvas.frame_rate, &fonts)
        .map_err(|error| RenderError::Reported(error.into()))?;
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let boxes = boxes.into_iter().map(|one| CaptionBox {
        cue: number(one.cue),
        word: number(one.word),
        rect: one.rect,
        rtl: one.rtl,
    });
    Ok(ActionFacts::CaptionBoxes(boxes.collect()))
}

/// Renders a run of segments; `tell` hears progress and every result.
///
/// # Errors
/// A failure as the daemon wants to hear it: of the first segment that fails, or of a job that is no such run.
pub fn perform_run(
    job: &WorkerJob,
    tell: &mut dyn FnMut(WorkerEvent),
) -> Result<(), WorkerFailure> {
    let mut requests = Vec::with_capacity(1 + job.then.len());
    for (index, action) in std::iter::once(&job.action).chain(&job.then).enumerate() {
        let Action::RenderSegment(request) = action else {
            let message = format!("`{}` cannot be part of a run", action.kind());
            return Err(RenderError::internal(message).into());
        };
        requests.push((
            &**request,
            Path::new(&job.output_dir).join(index.to_string()),
        ));
    }
    render_segments(&requests, Blobs(&job.blobs), &mut |event| {
        tell(match event {
            RunEvent::Progress { done, total } => WorkerEvent::Progress { done, total },
            RunEvent::Done(facts) => {
                let done = ActionDone::file("video", SEGMENT_FILE, ActionFacts::Segment(facts));
                WorkerEvent::Done {
                    outputs: done.outputs,
                    facts: done.facts,
                }
            }
        });
    })?;
    Ok(())
}

fn measure(request: &ProbeRequest, blobs: Blobs) -> Result<ActionDone, WorkerFailure> {
    let named = |failure: WorkerFailure| WorkerFailure {
        message: if request.name.is_empty() {
            failure.message
        } else {
            format!("{}: {}", request.name, failure.message)
        },
        ..failure
    };
    blobs
        .path(request.source)
        .and_then(probe)
        .map(|facts| ActionDone::facts(ActionFacts::Media(facts)))
        .map_err(|error| named(error.into()))
}

/// Finds fonts and copies each file once into the output folder, as `font0`, `font1` and so on.
fn collect_fonts(
    request: &ResolveFontsRequest,
    out_dir: &Path,
) -> Result<ActionDone, WorkerFailure> {
    let found = resolve_fonts(request)?;
    let mut outputs = BTreeMap::new();
    let mut copied = BTreeMap::new();
    let mut faces = Vec::with_capacity(found.len());
    for (request, path, index) in found {
        let file = match copied.get(&path) {
            Some(digest) => *digest,
            None => {
                let name = format!("font{}", copied.len());
                let digest = copy_font(&path, &name, out_dir, &mut outputs)?;
                copied.insert(path, digest);
                digest
            }
        };
        faces.push(face(request, file, index));
    }
    Ok(ActionDone {
        outputs,
        facts: ActionFacts::Fonts(faces),
    })
}

fn face(request: FontRequest, file: fenta_templates::digest::Digest, index: u32) -> FontFace {
    FontFace {
        request,
        file,
        index,
    }
}

fn copy_font(
    path: &PathBuf,
    name: &str,
    out_dir: &Path,
    outputs: &mut BTreeMap<String, String>,
) -> Result<fenta_templates::digest::Digest, RenderError> {
    let failed = |operation, path: &Path, source| RenderError::Io {
        operation,
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(|error| failed("read", path, error))?;
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("ttf")
        .to_lowercase();
    let file = format!("{name}.{extension}");
    let target = out_dir.join(&file);
    std::fs::write(&target, &bytes).map_err(|error| failed("write", &target, error))?;
    outputs.insert(name.to_owned(), file);
    Ok(blob_digest(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_workflows::action::WriteRequest;
    use fenta_workflows::worker::FailureClass;

    fn job(action: Action) -> WorkerJob {
        WorkerJob {
            action,
            blobs: BTreeMap::new(),
            output_dir: String::new(),
            then: Vec::new(),
            parent: None,
        }
    }

    #[test]
    fn refuses_the_daemons_own_actions() {
        let write = Action::Write(WriteRequest {
            name: "a.txt".to_owned(),
            text: String::new(),
        });
        let failure = perform(&job(write), &mut |_, _| ()).unwrap_err();
        assert_eq!(failure.class, FailureClass::Internal);
        assert!(failure.message.contains("`write`"), "{}", failure.message);
    }

    #[test]
    fn names_the_file_that_cannot_be_measured() {
        let source = blob_digest(b"nothing");
        let action = Action::Probe(ProbeRequest {
            source,
            name: "holiday.mov".to_owned(),
        });
        let failure = perform(&job(action), &mut |_, _| ()).unwrap_err();
        assert!(
            failure.message.starts_with("holiday.mov: "),
            "{}",
            failure.message
        );
    }
}

//! Actions, workflows and whole runners for tests, over a stand-in renderer.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fenta_client::api::jobs::{CreateJob, Job, WorkflowSource};
use fenta_workflows::action::{Action, SpeakRequest, WriteRequest};
use fenta_workflows::job_event::{JobEventKind, JobState};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::job_run::ENCODER_THREADS;
use super::{Runner, RunnerContext};
use crate::clock::SystemClock;
use crate::executors::{Executors, Provider, Renderer, RetryPolicy, Tools, WallLimits, testing};
use crate::providers::Providers;
use crate::store::{Accepted, Cas, Store};

/// A render of so many frames; its content does not matter.
pub(crate) fn render(frames: u64) -> Action {
    Action::RenderSegment(
        serde_json::from_value(serde_json::json!({
            "segment": {
                "canvas": {
                    "width": 1080, "height": 1920,
                    "frame_rate": "30", "background": "#000000"
                },
                "frames": frames,
                "shot": null,
                "overlays": [],
                "captions": null
            },
            "fonts": [],
            "encoding": {
                "encoder": "libx264", "preset": "veryfast", "crf": 19, "max_rate_kbps": 0,
                "gop": 60, "b_frames": 2, "threads": ENCODER_THREADS
            }
        }))
        .unwrap(),
    )
}

pub(crate) fn speak(text: &str) -> Action {
    Action::Speak(SpeakRequest {
        text: text.to_owned(),
        engine: "flite".to_owned(),
        voice: "slt".to_owned(),
        speed_pm: 1000,
    })
}

pub(crate) fn write(text: &str) -> Action {
    Action::Write(WriteRequest {
        name: "a.txt".to_owned(),
        text: text.to_owned(),
    })
}

/// A renderer that can only speak: a thousand samples a word. It notes every text in `spoken`, and obeys a script
/// called `hook` beside it before it answers.
const SPEAKER: &str = r#"here=$(dirname "$0")
text=$(printf %s "$job" | sed 's/.*"text":"\([^"]*\)".*/\1/')
printf '%s\n' "$text" >> "$here/spoken"
if [ -e "$here/hook" ]; then . "$here/hook"; fi
n=0; words=
for w in $text; do
  words="$words${words:+,}{\"text\":\"$w\",\"start\":$((n*1000)),\"end\":$((n*1000+900))}"; n=$((n+1))
done
printf %s "$text" > "$out/a.wav"
echo "{\"event\":\"done\",\"outputs\":{\"audio\":\"a.wav\"},\"facts\":{\"kind\":\"speech\",\"value\":{\"sample_rate\":48000,\"samples\":$((n*1000)),\"words\":[$words]}}}""#;

/// Two sentences, two recordings.
pub(crate) const TEXT: &str = "Bees dance for their sisters. The dance is a map.";

/// A machine with a store, a renderer and, after [`Machine::start`], a runner.
pub(crate) struct Machine {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) cas: Cas,
    pub(crate) renderer: Renderer,
    pub(crate) providers: Vec<Arc<dyn Provider>>,
}

pub(crate) struct Running {
    pub(crate) runner: Runner,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
}

impl Running {
    /// As when the daemon ends.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.ended)
            .await
            .expect("the runner ends")
            .unwrap();
    }
}

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let script = testing::script(root, "render", SPEAKER);
        Self {
            store: Store::open(&root.join("fenta.db"), false, Arc::new(SystemClock)).unwrap(),
            cas: Cas::open(&root.join("cas"), &root.join("scratch")).unwrap(),
            renderer: Renderer::new(&script, &[("PATH".into(), "/usr/bin:/bin".into())]),
            providers: Vec::new(),
            folder,
        }
    }

    pub(crate) fn context(&self, workers: usize) -> RunnerContext {
        let retry = RetryPolicy {
            first_wait: Duration::from_millis(1),
            ..RetryPolicy::default()
        };
        let tools = Tools {
            store: self.store.clone(),
            cas: self.cas.clone(),
            clock: Arc::new(SystemClock),
            scratch: self.folder.path().join("scratch"),
            worker_env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            font_dirs: Vec::new(),
            limits: WallLimits::default(),
            providers: Providers::fixed(self.providers.clone()),
            confined_to: Vec::new(),
        };
        RunnerContext {
            store: self.store.clone(),
            cas: self.cas.clone(),
            executors: Executors::new(tools),
            renderer: self.renderer.clone(),
            workers,
            retry,
        }
    }

    pub(crate) fn start(&self, workers: usize) -> Running {
        let shutdown = CancellationToken::new();
        let (runner, ended) = Runner::start(self.context(workers), shutdown.clone());
        Running {
            runner,
            shutdown,
            ended,
        }
    }

    /// What the renderer does before it answers.
    pub(crate) fn hook(&self, body: &str) {
        let fresh = self.path("hook.new");
        fs::write(&fresh, body).unwrap();
        fs::rename(fresh, self.path("hook")).unwrap();
    }

    pub(crate) fn no_hook(&self) {
        fs::remove_file(self.path("hook")).unwrap();
    }

    /// Lets no renderer answer before it has a ticket, or the door is open.
    pub(crate) fn close_door(&self) {
        self.hook(
            r#"until [ -e "$here/open" ] || mv "$here/ticket" "$here/used" 2>/dev/null; do sleep 0.02; done"#,
        );
    }

    /// Lets one renderer answer.
    pub(crate) fn ticket(&self) {
        fs::write(self.path("ticket"), "").unwrap();
    }

    /// Lets every renderer answer.
    pub(crate) fn open_door(&self) {
        fs::write(self.path("open"), "").unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every text spoken so far, in order.
    pub(crate) fn spoken(&self) -> Vec<String> {
        fs::read_to_string(self.path("spoken"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    pub(crate) async fn submit(&self, running: &Running, request: CreateJob) -> String {
        match running.runner.submit(request, None).await.unwrap() {
            Accepted::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the log of a job has an event like this; gives it.
    pub(crate) async fn event(
        &self,
        job: &str,
        wanted: impl Fn(&JobEventKind) -> bool,
    ) -> JobEventKind {
        let look = async {
            let mut news = self.store.events().follow(job);
            loop {
                news.borrow_and_update();
                let events = self.store.events_after(job, 0, 10_000).await.unwrap();
                if let Some(event) = events.into_iter().rfind(|event| wanted(&event.kind)) {
                    return event.kind;
                }
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .expect("the event happens")
    }

    /// Waits for the end of a job.
    pub(crate) async fn end(&self, job: &str) -> Job {
        let wait = async {
            let mut news = self.store.events().follow(job);
            loop {
                news.borrow_and_update();
                let found = self.store.job_with_nodes(job).await.unwrap();
                if found.state.is_final() {
                    return found;
                }
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("the job ends")
    }

    pub(crate) async fn state(&self, job: &str) -> JobState {
        self.store.job(job).await.unwrap().job.state
    }
}

/// A job that speaks a text.
pub(crate) fn speech(text: &str) -> CreateJob {
    document(&format!(
        "fenta: workflow/v1\nname: speech\nnodes:\n  voice:\n    type: Voice.TTS\n    with: {{ text: \"{text}\" }}\n\
         outputs:\n  seconds: ${{{{ nodes.voice.seconds }}}}\n"
    ))
}

pub(crate) fn document(text: &str) -> CreateJob {
    CreateJob {
        workflow: WorkflowSource {
            path: Some("/w/speech.yaml".to_owned()),
            name: "speech.yaml".to_owned(),
            text: text.to_owned(),
            dir: "/w".to_owned(),
        },
        params: BTreeMap::new(),
        caller_dir: "/c".to_owned(),
        out_dir: None,
        options: fenta_client::api::jobs::RunOptions::default(),
    }
}

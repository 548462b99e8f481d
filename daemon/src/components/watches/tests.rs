//! Watches over a whole runner.

use std::fs;

use fenta_client::api::watches::{CreateWatch, FileState, WatchRule, WatchRun};

use super::*;
use crate::clock::SystemClock;
use crate::providers::Providers;
use crate::runner::testing::{Machine, Running, document};
use crate::server::Activity;

/// Speaks what a note says, so that it can be held up.
const NOTES: &str = "fenta: workflow/v1\nname: notes\ninputs: { note: { type: file } }\nnodes:\n  \
    text: { type: Input.Text, with: { file: \"${{ inputs.note }}\", format: txt } }\n  \
    voice: { type: Voice.TTS, with: { text: \"${{ nodes.text.text }}\" } }\noutputs:\n  seconds: ${{ nodes.voice.seconds }}\n";

struct Bench {
    machine: Machine,
    running: Running,
    watches: Watches,
    shutdown: CancellationToken,
}

impl Bench {
    fn new() -> Self {
        let machine = Machine::new();
        fs::create_dir(machine.path("inbox")).unwrap();
        let running = machine.start(2);
        let activity = Activity::default();
        let providers = Providers::fixed(Vec::new());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (store, clock_of_notices) = (machine.store.clone(), Arc::clone(&clock));
        let notices = Notices::new(store.clone(), providers, clock_of_notices, activity.clone());
        let ground = Ground {
            store,
            runner: running.runner.clone(),
            clock,
            activity,
            notices,
        };
        let watches = Watches::new(ground, machine.path("watched"));
        let shutdown = CancellationToken::new();
        tokio::spawn(watches.clone().watch(shutdown.clone()));
        Self {
            machine,
            running,
            watches,
            shutdown,
        }
    }

    async fn watch(&self, change: impl FnOnce(&mut WatchRule)) -> String {
        let job = document(NOTES);
        let mut rule = testing::rule(&self.machine.path("inbox"));
        change(&mut rule);
        let new = CreateWatch {
            workflow: job.workflow,
            params: job.params,
            caller_dir: job.caller_dir,
            out_dir: None,
            options: job.options,
            rule: Some(rule),
            name: None,
            pinned: true,
            foreground: false,
        };
        self.watches.create(new).await.unwrap().id
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.machine.path("inbox").join(name), text).unwrap();
    }

    /// Waits until the newest run stands so.
    async fn until(&self, id: &str, state: FileState) -> WatchRun {
        let wait = async {
            loop {
                let (runs, _) = self.watches.runs(id, 1, None).await.unwrap();
                if let Some(run) = runs.into_iter().find(|run| run.state == state) {
                    return run;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .unwrap_or_else(|_| panic!("no run is {state:?}"))
    }

    fn copies(&self) -> usize {
        let watches = fs::read_dir(self.machine.path("watched"));
        let folders = watches.into_iter().flatten().flatten();
        folders
            .map(|watch| fs::read_dir(watch.path()).map_or(0, Iterator::count))
            .sum()
    }

    async fn until_no_copies(&self) {
        let begin = Instant::now();
        while self.copies() > 0 {
            assert!(begin.elapsed() < Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.running.stop().await;
    }
}

#[tokio::test]
async fn copies_go_with_their_run_and_with_their_watch_but_not_before_a_job_that_needs_them() {
    let bench = Bench::new();
    let id = bench.watch(|_| {}).await;
    bench.put("a.md", "Bees dance.");
    bench.until(&id, FileState::Done).await;
    bench.until_no_copies().await;

    bench.machine.close_door();
    bench.put("b.md", "Ants walk.");
    let run = bench.until(&id, FileState::Running).await;
    bench.watches.remove(&id).await.unwrap();
    assert_eq!(bench.copies(), 1, "its job goes on");
    bench.machine.open_door();
    bench.machine.end(run.job.as_deref().unwrap()).await;
    bench.watches.sweep_removed(&[]).await.unwrap();
    assert_eq!(bench.copies(), 0);
    assert!(!bench.machine.path("watched").join(&id).exists());
    bench.stop().await;
}

#[tokio::test]
async fn copies_a_dead_daemon_left_are_removed_at_the_start() {
    let bench = Bench::new();
    let id = bench.watch(|_| {}).await;
    bench.put("a.md", "Bees dance.");
    bench.until(&id, FileState::Done).await;
    bench.until_no_copies().await;
    for folder in [format!("{id}/run_lost"), "wat_gone/run_lost".to_owned()] {
        let folder = bench.machine.path("watched").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.md"), "half").unwrap();
    }
    bench.watches.sweep(&id).await;
    let known = bench.machine.store.watches().await.unwrap();
    bench.watches.sweep_removed(&known).await.unwrap();
    assert_eq!(bench.copies(), 0);
    bench.stop().await;
}

#[tokio::test]
async fn another_folder_under_the_same_name_is_watched_too() {
    let bench = Bench::new();
    let id = bench.watch(|_| {}).await;
    bench.put("a.md", "Bees dance.");
    bench.until(&id, FileState::Done).await;
    let inbox = bench.machine.path("inbox");
    fs::rename(&inbox, bench.machine.path("old")).unwrap();
    fs::create_dir(&inbox).unwrap();
    bench.put("b.md", "Ants walk.");
    let begin = Instant::now();
    loop {
        let (runs, _) = bench.watches.runs(&id, 1, None).await.unwrap();
        if runs[0].files == ["b.md"] && runs[0].state == FileState::Done {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{runs:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bench.stop().await;
}

#[tokio::test]
async fn who_is_told_hears_of_failures_with_their_files() {
    let bench = Bench::new();
    let id = bench
        .watch(|rule| {
            rule.notify.webhook = Some("https://example.org/h".to_owned());
        })
        .await;
    fs::write(
        bench.machine.path("inbox").join("wrong.md"),
        b"\xff\xfe\xff no text",
    )
    .unwrap();
    bench.until(&id, FileState::Failed).await;
    // The job's end is seen before the watch has written down who is to be told of it.
    let begin = Instant::now();
    let due = loop {
        let due = bench.machine.store.due_notices(9).await.unwrap();
        if !due.is_empty() {
            break due;
        }
        assert!(begin.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].new.event, "watch.run.failed");
    assert_eq!(due[0].new.data["files"][0], "wrong.md");
    assert!(due[0].new.data["job"].as_str().unwrap().starts_with("job_"));
    bench.stop().await;
}

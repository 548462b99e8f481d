//! `fenta watch DIR FILE`: a watch that lives as long as the command. Every step of every file is a line; on a terminal the
//! counts stand below them. The daemon does the work, so a second start knows what the first one had done.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use fenta_client::ErrorKind;
use fenta_client::api::watches::{FileState, PauseWatch, Watch, WatchFile};

use super::rule::TargetArgs;
use super::show;
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::follow::Interrupts;

/// Between two questions about the files.
const LOOK: Duration = Duration::from_millis(400);

/// Watches until a signal.
pub(super) async fn run(args: TargetArgs, context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let mut signals = Interrupts::listen()?;
    let mut new = args.read(context)?;
    new.foreground = true;
    let mut client = context.session.client(ui).await?;
    let watch = client.create_watch(&new).await?;
    show::begun(context, &watch);
    let mut shown: HashMap<String, (FileState, String)> = HashMap::new();
    let mut is_first = true;
    loop {
        match client.watch_files(&watch.id).await {
            Ok(files) => {
                tell(context, &watch, &files.items, &mut shown, is_first)?;
                is_first = false;
            }
            // The daemon ended: the next one knows the watch, and what it had done.
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                client = context.session.client(ui).await?;
                client.create_watch(&new).await?;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            _ = signals.next() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    let why = PauseWatch {
        reason: "its command in the foreground has ended".to_owned(),
    };
    let ended = client.pause_watch(&watch.id, &why).await?;
    ui.note(&summary(&ended));
    Ok(())
}

/// Prints what is new of each file. Those that had their run before this command began are counted, not listed.
fn tell(
    context: &Context,
    watch: &Watch,
    files: &[WatchFile],
    shown: &mut HashMap<String, (FileState, String)>,
    is_first: bool,
) -> Result<(), CommandError> {
    let mut before = 0;
    for file in files {
        let now = (file.state, file.reason.clone());
        if shown.get(&file.path) == Some(&now) {
            continue;
        }
        let is_new = shown.insert(file.path.clone(), now).is_none();
        if is_first && is_new && matches!(file.state, FileState::Done | FileState::Dup) {
            before += 1;
            continue;
        }
        show::line(context, watch, file)?;
    }
    let there = |path: &String| files.iter().any(|file| file.path == *path);
    shown.retain(|path, _| there(path));
    if before > 0 {
        context
            .ui
            .note(&format!("{before} files had their run before"));
    }
    Ok(())
}

fn summary(watch: &Watch) -> String {
    let counts: &BTreeMap<String, u64> = &watch.files;
    let told: Vec<String> = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if told.is_empty() {
        return "no files came".to_owned();
    }
    format!(
        "{}; runs that were begun go on: `fenta ps --watch {}`",
        told.join(", "),
        watch.name
    )
}

//! `fenta watch DIR FILE`: a watch that lives as long as the command. In a pipe every step of every file is a line; on a
//! terminal what is on its way is a table, and what came to its end a line above it. The daemon does the work, so a second
//! start knows what the first one had done.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use fenta_client::ErrorKind;
use fenta_client::api::watches::{FileState, PauseWatch, Watch, WatchFile};

use super::rule::TargetArgs;
use super::show;
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::follow::Interrupts;
use crate::ui::file_table::{FileLine, FileTable};

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
    let mut told = Told::default();
    let table = FileTable::new(ui);
    loop {
        match client.watch_files(&watch.id).await {
            Ok(files) => {
                told.tell(context, &watch, &files)?;
                let (lines, all) = on_the_way(&files);
                table.show(&lines, &all);
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
    drop(table);
    let why = PauseWatch {
        reason: "its command in the foreground has ended".to_owned(),
    };
    let ended = client.pause_watch(&watch.id, &why).await?;
    ui.note(&summary(&ended));
    Ok(())
}

/// What was told of each file.
#[derive(Default)]
struct Told {
    shown: HashMap<String, (FileState, String)>,
    began: bool,
}

impl Told {
    /// Prints what is new of each file. Those that had their run before this command began are counted, not listed; steps
    /// that the table shows are no lines.
    fn tell(
        &mut self,
        context: &Context,
        watch: &Watch,
        files: &[WatchFile],
    ) -> Result<(), CommandError> {
        let is_first = !std::mem::replace(&mut self.began, true);
        let mut before = 0;
        for file in files {
            let now = (file.state, file.reason.clone());
            if self.shown.get(&file.path) == Some(&now) {
                continue;
            }
            let is_new = self.shown.insert(file.path.clone(), now).is_none();
            if is_first && is_new && matches!(file.state, FileState::Done | FileState::Dup) {
                before += 1;
            } else if !(context.ui.is_live() && is_on_the_way(file)) {
                show::line(context, watch, file)?;
            }
        }
        let there: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        self.shown.retain(|path, _| there.contains(path.as_str()));
        if before > 0 {
            context
                .ui
                .note(&format!("{before} files had their run before"));
        }
        Ok(())
    }
}

const fn is_on_the_way(file: &WatchFile) -> bool {
    file.state.is_open() || matches!(file.state, FileState::Queued | FileState::Running)
}

/// Files on their way, those furthest on first, and how many stand where.
fn on_the_way(files: &[WatchFile]) -> (Vec<FileLine>, String) {
    let mut open: Vec<&WatchFile> = files.iter().filter(|file| is_on_the_way(file)).collect();
    open.sort_by(|one, other| other.state.cmp(&one.state).then(one.path.cmp(&other.path)));
    let lines = open.into_iter().map(|file| FileLine {
        state: file.state.as_str(),
        name: file.path.clone(),
        detail: match (&file.job, file.state) {
            (Some(job), FileState::Running) => job.clone(),
            _ => file.reason.clone(),
        },
    });
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for file in files {
        *counts.entry(file.state.as_str()).or_insert(0) += 1;
    }
    let told: Vec<String> = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let all = match told.is_empty() {
        true => "no files yet".to_owned(),
        false => told.join(", "),
    };
    (lines.collect(), all)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_stands_above_what_waits_and_everything_is_counted() {
        let file = |path: &str, state: FileState| WatchFile {
            path: path.to_owned(),
            state,
            reason: String::new(),
            size: 1,
            content: None,
            job: Some("job_1".to_owned()),
        };
        let files = [
            file("a", FileState::Done),
            file("b", FileState::Settling),
            file("c", FileState::Running),
            file("d", FileState::Settling),
        ];
        let (lines, all) = on_the_way(&files);
        let shown: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {} {}", line.state, line.name, line.detail))
            .collect();
        assert_eq!(shown, ["running c job_1", "settling b ", "settling d "]);
        assert_eq!(all, "1 done, 1 running, 2 settling");
        assert_eq!(on_the_way(&[]).1, "no files yet");
    }
}

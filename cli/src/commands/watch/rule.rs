//! Which files of which folder, from the command line over what the document writes.

use std::path::{Path, PathBuf};

use fenta_client::api::watches::{After, CreateWatch, GroupBy, Notify, WatchRule, WhileBusy};
use fenta_workflows::Workflow;

use crate::command_error::CommandError;
use crate::commands::Context;
use crate::commands::automation::{NotifyArgs, word};
use crate::commands::run::request::RequestArgs;
use crate::document::unicode;

/// A folder, a workflow, and which files begin it.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct TargetArgs {
    /// The folder; what `watch` in the workflow says by default
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    request: RequestArgs,
    /// The input a file becomes; the only one that takes files by default
    #[arg(long, value_name = "INPUT")]
    into: Option<String>,
    /// Which file names count, for example "*.mp4"; may be given several times
    #[arg(long = "match", value_name = "PATTERN")]
    matches: Vec<String>,
    /// How long a file must have stayed unchanged, for example 2s
    #[arg(long, value_name = "TIME", value_parser = fenta_workflows::view::time)]
    settle: Option<u64>,
    /// Files that make one run together: stem (same name, other ending) or folder
    #[arg(long, value_name = "HOW", value_parser = word::<GroupBy>)]
    group_by: Option<GroupBy>,
    /// Endings a group must have before it counts, for example mp4,srt
    #[arg(long, value_name = "ENDINGS", value_delimiter = ',')]
    requires: Vec<String>,
    /// What becomes of a file after a good run: keep, delete or move:DIR
    #[arg(long, value_name = "WHAT")]
    after: Option<String>,
    /// While a run goes on: queue, latest (only the newest waits), skip, or parallel (before other jobs)
    #[arg(long, value_name = "WHAT", value_parser = word::<WhileBusy>)]
    while_busy: Option<WhileBusy>,
    /// Files that are there already: run or ignore
    #[arg(long, value_name = "WHAT", value_parser = ["run", "ignore"])]
    initial: Option<String>,
    /// What it is called; the workflow's name by default
    #[arg(long)]
    name: Option<String>,
    /// Run the document as it is now, whatever becomes of the file
    #[arg(long)]
    pin: bool,
    /// Look at the folder this often, where the system does not tell of changes
    #[arg(long, value_name = "TIME", value_parser = fenta_workflows::view::time)]
    poll: Option<u64>,
    #[command(flatten)]
    notify: NotifyArgs,
}

impl TargetArgs {
    /// The watch that is asked for.
    pub(super) fn read(&self, context: &Context) -> Result<CreateWatch, CommandError> {
        let request = self.request.read(context)?;
        let rule = self.rule(context, &request.workflow, &request.document.dir)?;
        let job = request.job();
        Ok(CreateWatch {
            workflow: job.workflow,
            params: job.params,
            caller_dir: job.caller_dir,
            out_dir: job.out_dir,
            options: job.options,
            rule: Some(rule),
            name: self.name.clone(),
            pinned: self.pin,
            foreground: false,
        })
    }

    fn rule(
        &self,
        context: &Context,
        workflow: &Workflow,
        document_dir: &str,
    ) -> Result<WatchRule, CommandError> {
        let here = &context.settings.current_dir;
        let written = workflow.settings().watch.as_ref();
        let mut rule = match (written, &self.dir) {
            (Some(watch), _) => WatchRule::of(watch, document_dir),
            (None, Some(_)) => plain_rule(),
            (None, None) => {
                return Err(CommandError::usage(
                    format!("{} writes no watch", workflow.name),
                    "name a folder before it, or write `watch: { path: ./inbox, into: INPUT }` in it",
                ));
            }
        };
        if let Some(dir) = &self.dir {
            rule.folder = unicode(&here.join(dir))?;
        }
        // By what it is, so that one folder is one watch.
        if let Ok(real) = Path::new(&rule.folder).canonicalize() {
            rule.folder = unicode(&real)?;
        }
        match &self.into {
            Some(into) => rule.into.clone_from(into),
            None if rule.into.is_empty() => rule.into = only_input(workflow)?,
            None => {}
        }
        if !self.matches.is_empty() {
            rule.matches.clone_from(&self.matches);
        }
        rule.settle_ms = self.settle.unwrap_or(rule.settle_ms);
        rule.group_by = self.group_by.or(rule.group_by);
        if !self.requires.is_empty() {
            let plain = |end: &String| end.trim_start_matches('.').to_lowercase();
            rule.requires = self.requires.iter().map(plain).collect();
        }
        if let Some(after) = &self.after {
            rule.after = read_after(after, here)?;
        }
        rule.while_busy = self.while_busy.unwrap_or(rule.while_busy);
        if let Some(initial) = &self.initial {
            rule.run_initial = initial == "run";
        }
        rule.poll_ms = self.poll.or(rule.poll_ms);
        if let Some(notify) = self.notify.read(context)? {
            rule.notify = notify;
        }
        Ok(rule)
    }
}

fn plain_rule() -> WatchRule {
    WatchRule {
        folder: String::new(),
        matches: vec!["*".to_owned()],
        settle_ms: 2_000,
        into: String::new(),
        group_by: None,
        requires: Vec::new(),
        after: After::Keep,
        while_busy: WhileBusy::Queue,
        run_initial: true,
        poll_ms: None,
        notify: Notify::default(),
    }
}

fn read_after(text: &str, here: &Path) -> Result<After, CommandError> {
    match (text, text.strip_prefix("move:").map(str::trim)) {
        ("keep", _) => Ok(After::Keep),
        ("delete", _) => Ok(After::Delete),
        (_, Some(to)) if !to.is_empty() => {
            let plain: PathBuf = here.join(to).components().collect();
            Ok(After::Move(unicode(&plain)?))
        }
        _ => Err(CommandError::usage(
            format!("`--after` cannot be `{text}`"),
            "write `keep`, `delete` or `move:DIR`",
        )),
    }
}

/// The one input that takes files.
fn only_input(workflow: &Workflow) -> Result<String, CommandError> {
    let inputs = workflow.inputs().iter();
    let names: Vec<&str> = inputs
        .filter(|(_, spec)| spec.input_type.is_path())
        .map(|(name, _)| name.as_str())
        .collect();
    match names.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(CommandError::usage(
            format!("{} has no input that takes files", workflow.name),
            "declare one: `inputs: { clip: { type: video } }`",
        )),
        several => Err(CommandError::usage(
            format!(
                "several inputs of {} take files: {}",
                workflow.name,
                several.join(", ")
            ),
            format!("say which one: `--into {}`", several[0]),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_files_is_read_as_in_documents() {
        let here = Path::new("/here");
        assert_eq!(read_after("keep", here).unwrap(), After::Keep);
        assert_eq!(read_after("delete", here).unwrap(), After::Delete);
        let to = read_after("move:./done", here).unwrap();
        assert_eq!(to, After::Move("/here/done".to_owned()));
        for wrong in ["move", "move: ", "burn"] {
            assert!(read_after(wrong, here).is_err(), "{wrong}");
        }
    }
}

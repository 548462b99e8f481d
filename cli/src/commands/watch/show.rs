//! Watches, files and runs for people and for programs.

use fenta_client::api::watches::{
    After, FileState, Watch, WatchFile, WatchRun, WatchState, WatchVerdict,
};

use crate::command_error::CommandError;
use crate::commands::Context;
use crate::commands::automation::{cost, mark, marked_json, tells, word_of};
use crate::commands::service::is_installed;
use crate::ui::table::{Row, Table, Tint};

/// All watches.
pub(super) fn list(context: &Context, items: &[Watch]) -> Result<(), CommandError> {
    let ui = &context.ui;
    let durable = is_installed(context);
    if ui.is_json() {
        return marked_json(ui, items, durable);
    }
    if ui.is_quiet() {
        return items.iter().try_for_each(|one| ui.result(&one.id));
    }
    if items.is_empty() {
        ui.note("no watches; `fenta watch add DIR FILE` makes one");
    }
    let mut table = Table::new(&[
        "NAME", "FOLDER", "STATE", "FILES", "LAST", "DURABLE", "DETAIL",
    ]);
    for one in items {
        let tint = match one.state {
            WatchState::Active => Tint::Good,
            WatchState::Paused => Tint::Busy,
        };
        let state = match (one.state, one.poll_ms) {
            (WatchState::Active, Some(_)) => "active, looking by itself",
            (state, _) => state.as_str(),
        };
        table.row(
            Row::new()
                .cell(&one.name)
                .program(&one.id)
                .cell(&one.rule.folder)
                .tinted(state, one.state.as_str(), tint)
                .cell(counts(one))
                .both(
                    one.last.as_ref().map_or(String::new(), last),
                    one.last.as_ref().map_or("", |last| &last.queued_at),
                )
                .cell(mark(durable && !one.foreground))
                .cell(&one.reason),
        );
    }
    ui.table(&table)
}

fn counts(watch: &Watch) -> String {
    let told: Vec<String> = watch
        .files
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    told.join(", ")
}

fn last(run: &WatchRun) -> String {
    let file = run.files.first().map_or("", String::as_str);
    format!("{file} {}", run.state.as_str())
}

fn tint(state: FileState) -> Tint {
    match state {
        FileState::Done => Tint::Good,
        FileState::Failed => Tint::Bad,
        FileState::Dup | FileState::Ignored => Tint::Faint,
        _ => Tint::Busy,
    }
}

/// A watch with its files and runs.
pub(super) fn one(
    context: &Context,
    watch: &Watch,
    files: &[WatchFile],
    runs: &[WatchRun],
    all: bool,
) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        ui.json(watch)?;
        files.iter().try_for_each(|file| ui.json(file))?;
        return runs.iter().try_for_each(|run| ui.json(run));
    }
    if ui.is_quiet() {
        return ui.result(&watch.id);
    }
    let mut facts = Table::new(&["", ""]);
    for (name, value) in told(watch) {
        facts.row(Row::new().cell(name).cell(value));
    }
    ui.table(&facts)?;
    let listed: Vec<WatchFile> = files
        .iter()
        .filter(|file| all || !matches!(file.state, FileState::Done | FileState::Dup))
        .cloned()
        .collect();
    if !listed.is_empty() {
        self::files(context, &listed)?;
    }
    let mut table = Table::new(&["CAME", "FILES", "STATE", "JOB", "COST", "DETAIL"]);
    for run in runs {
        let detail = if run.outputs.is_empty() {
            run.reason.clone()
        } else {
            run.outputs.join(", ")
        };
        table.row(
            Row::new()
                .cell(&run.queued_at)
                .cell(run.files.join(", "))
                .tinted(run.state.as_str(), run.state.as_str(), tint(run.state))
                .cell(run.job.clone().unwrap_or_default())
                .both(
                    cost(run.usd.as_deref()),
                    run.usd.clone().unwrap_or_default(),
                )
                .cell(detail),
        );
    }
    ui.table(&table)
}

fn told(watch: &Watch) -> Vec<(&'static str, String)> {
    let rule = &watch.rule;
    let document = watch.path.clone().unwrap_or_else(|| watch.workflow.clone());
    let mut told = vec![
        ("name", watch.name.clone()),
        ("id", watch.id.clone()),
        ("folder", rule.folder.clone()),
        ("files", rule.matches.join(", ")),
        ("workflow", document),
        ("into", rule.into.clone()),
        ("settle", crate::ui::span::short(rule.settle_ms)),
    ];
    if let Some(group_by) = rule.group_by {
        told.push(("group by", word_of(&group_by)));
    }
    if !rule.requires.is_empty() {
        told.push(("requires", rule.requires.join(", ")));
    }
    let after = match &rule.after {
        After::Keep => "keep".to_owned(),
        After::Delete => "delete".to_owned(),
        After::Move(to) => format!("move to {to}"),
    };
    told.push(("after", after));
    told.push(("while busy", word_of(&rule.while_busy)));
    told.extend(tells(&rule.notify).map(|whom| ("tells", whom)));
    let mut state = watch.state.as_str().to_owned();
    if let Some(poll_ms) = watch.poll_ms {
        let pause = crate::ui::span::short(poll_ms);
        state = format!("{state}; nothing tells of changes, so it looks every {pause}");
    }
    if !watch.reason.is_empty() {
        state = format!("{state}: {}", watch.reason);
    }
    told.push(("state", state));
    for (name, value) in &watch.params {
        told.push(("value", format!("{name} = {value}")));
    }
    told
}

/// Files and where they stand.
pub(super) fn files(context: &Context, files: &[WatchFile]) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return files.iter().try_for_each(|file| ui.json(file));
    }
    let mut table = Table::new(&["FILE", "STATE", "JOB", "DETAIL"]);
    for file in files {
        table.row(
            Row::new()
                .cell(&file.path)
                .tinted(file.state.as_str(), file.state.as_str(), tint(file.state))
                .cell(file.job.clone().unwrap_or_default())
                .cell(&file.reason),
        );
    }
    ui.table(&table)
}

/// A step of a file as it happens.
pub(super) fn line(context: &Context, watch: &Watch, file: &WatchFile) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.json(file);
    }
    // Names come from outside: what would move the cursor is shown, not obeyed.
    let name = fenta_workflows::diagnostic::printable(&file.path);
    let mut line = format!("{:<9} {name}", file.state.as_str());
    let detail = match (file.state, &file.job) {
        (FileState::Running | FileState::Done, Some(job)) => job.clone(),
        _ => file.reason.clone(),
    };
    if !detail.is_empty() {
        line = format!("{line}  ({detail})");
    }
    if file.state == FileState::Done {
        return ui.result(&line);
    }
    if ui.is_quiet() && file.state != FileState::Failed {
        return Ok(());
    }
    if file.state == FileState::Failed {
        ui.warn(&format!(
            "{line}; look with `fenta watch show {}`",
            watch.name
        ));
    } else {
        ui.note(&line);
    }
    Ok(())
}

/// What a watch in the foreground begins with.
pub(super) fn begun(context: &Context, watch: &Watch) {
    let rule = &watch.rule;
    context.ui.note(&format!(
        "watching {} for {}: each becomes `{}` of {}; Ctrl-C ends it",
        rule.folder,
        rule.matches.join(", "),
        rule.into,
        watch.workflow
    ));
}

/// Which rule decides about a file.
pub(super) fn verdict(context: &Context, verdict: &WatchVerdict) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.json(verdict);
    }
    let mut table = Table::new(&["", ""]);
    let mut fact = |name: &str, value: String| {
        table.row(Row::new().cell(name).cell(value));
    };
    fact("file", verdict.path.clone());
    fact("rule", verdict.rule.clone());
    fact("why", verdict.why.clone());
    if let Some(file) = &verdict.file {
        fact("state", file.state.as_str().to_owned());
        if let Some(content) = &file.content {
            fact("content", content.clone());
        }
    }
    if let Some(run) = &verdict.run {
        if let Some(job) = &run.job {
            fact("job", job.clone());
        }
        for output in &run.outputs {
            fact("output", output.clone());
        }
    }
    ui.table(&table)
}

/// What became of a watch.
pub(super) fn changed(context: &Context, watch: &Watch, what: &str) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.json(watch);
    }
    ui.note(&format!("{} {what} {}", watch.rule.folder, watch.name));
    ui.result(&watch.id)
}

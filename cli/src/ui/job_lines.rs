//! What a job's events look like as lines that stay on the screen.
//!
//! Pure: events in, lines out. `progress` and the commands print them. Lines of nodes that had nothing to do are held
//! back until a node does something, so that a job with nothing to do is one line in the end.

use fenta_client::api::jobs::{JobEvent, JobEventKind, RerunReason};

use super::span;
use super::style::Style;
use super::turn;

/// Reasons shown per node; `fenta explain` shows all.
const REASONS_SHOWN: usize = 3;

/// Turns the events of one job into lines.
#[derive(Debug)]
pub(crate) struct JobLines {
    style: Style,
    width: usize,
    held: Vec<String>,
    worked: bool,
    begun: Option<String>,
    ran: u32,
    cached: u32,
    saved_ms: u64,
    /// What the last turn of a `for_each` failed with; its node fails with the same words.
    failed_turn: Option<(String, String)>,
}

/// What a finished node did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeCount {
    pub(crate) ran: u32,
    pub(crate) cached: u32,
    pub(crate) wall_ms: u64,
    pub(crate) saved_ms: u64,
}

impl JobLines {
    /// For nodes whose names are at most `width` wide.
    pub(crate) fn new(style: Style, width: usize) -> Self {
        Self {
            style,
            width,
            held: Vec::new(),
            worked: false,
            begun: None,
            ran: 0,
            cached: 0,
            saved_ms: 0,
            failed_turn: None,
        }
    }

    /// The lines this event adds.
    pub(crate) fn lines(&mut self, event: &JobEvent) -> Vec<String> {
        match &event.kind {
            JobEventKind::JobStarted { resumed } => self.started(event, *resumed),
            JobEventKind::NodeFinished {
                node,
                ran,
                cached,
                wall_ms,
                saved_ms,
                reasons,
            } => {
                // The node itself tells of all its turns when the last one has ended.
                if turn::node_of(node).is_some() {
                    return Vec::new();
                }
                let count = NodeCount {
                    ran: *ran,
                    cached: *cached,
                    wall_ms: *wall_ms,
                    saved_ms: *saved_ms,
                };
                self.finished(node, count, reasons)
            }
            JobEventKind::ActionRetried {
                node,
                message,
                attempt,
                ..
            } => {
                let mark = self.style.yellow("↻");
                let line = format!("{mark} {}  try {attempt}: {message}", self.pad(node));
                self.now(vec![line])
            }
            JobEventKind::NodeFailed { node, message, .. } => self.failed(node, message),
            JobEventKind::NodeSkipped { node, why } => {
                let mark = self.style.dim("-");
                let line = format!("{mark} {}  skipped: {why}", self.pad(node));
                self.now(vec![line])
            }
            JobEventKind::NodeFellBack { node, message } => {
                let mark = self.style.yellow("↷");
                let line = format!("{mark} {}  falling back after: {message}", self.pad(node));
                self.now(vec![line])
            }
            // Told also where nothing ran: it is about the result.
            JobEventKind::NodeNoted { node, notes } => notes
                .iter()
                .map(|note| self.style.yellow(&format!("! {}  {note}", self.pad(node))))
                .collect(),
            JobEventKind::BudgetReached { percent, .. } => {
                let line = format!("{percent}% of the budget is used: {}", budget(&event.kind));
                self.now(vec![self.style.yellow(&line)])
            }
            JobEventKind::CancelRequested => self.now(vec!["cancelling".to_owned()]),
            JobEventKind::JobWaiting { message, until, .. } => {
                let line = format!("waiting: {message}; it looks again at {until}");
                self.now(vec![self.style.yellow(&line)])
            }
            JobEventKind::JobCompleted { .. } => self.completed(event),
            JobEventKind::JobFailed { .. }
            | JobEventKind::JobPaused { .. }
            | JobEventKind::JobNeedsAttention { .. }
            | JobEventKind::JobCancelled => self.now(Vec::new()),
            JobEventKind::JobQueued { .. }
            | JobEventKind::NodeStarted { .. }
            | JobEventKind::ActionsPlanned { .. }
            | JobEventKind::ActionStarted { .. }
            | JobEventKind::NodeProgress { .. }
            | JobEventKind::ActionFinished { .. } => Vec::new(),
        }
    }

    fn started(&mut self, event: &JobEvent, resumed: bool) -> Vec<String> {
        // Nodes of an earlier attempt come again; counting them twice would make the sum wrong.
        *self = Self::new(self.style, self.width);
        self.begun = Some(event.at.clone());
        if resumed {
            vec![self.style.dim("going on where the job was interrupted")]
        } else {
            Vec::new()
        }
    }

    fn finished(&mut self, node: &str, count: NodeCount, reasons: &[RerunReason]) -> Vec<String> {
        self.ran += count.ran;
        self.cached += count.cached;
        self.saved_ms += count.saved_ms;
        let name = self.pad(node);
        if count.ran == 0 {
            let mark = self.style.dim("•");
            let line = format!("{mark} {name}  {}", hit(count));
            if self.worked {
                return vec![line];
            }
            self.held.push(line);
            return Vec::new();
        }
        let mark = self.style.green("✓");
        let time = span::short(count.wall_ms);
        let mut lines = vec![format!("{mark} {name}  {time:>6}  {}", work(count))];
        lines.extend(
            reason_lines(node, reasons)
                .iter()
                .map(|line| self.style.dim(&format!("    {line}"))),
        );
        self.now(lines)
    }

    fn failed(&mut self, node: &str, message: &str) -> Vec<String> {
        let told = self
            .failed_turn
            .take()
            .is_some_and(|(turn, before)| turn::node_of(&turn) == Some(node) && before == message);
        if told {
            return self.now(Vec::new());
        }
        if turn::node_of(node).is_some() {
            self.failed_turn = Some((node.to_owned(), message.to_owned()));
        }
        let mark = self.style.red("✗");
        let line = format!("{mark} {}  {message}", self.pad(node));
        self.now(vec![line])
    }

    fn completed(&mut self, event: &JobEvent) -> Vec<String> {
        let all = self.ran + self.cached;
        let saved = span::short(self.saved_ms);
        if self.ran == 0 {
            self.held.clear();
            return vec![format!(
                "up to date: {all} of {all} actions cached, saved {saved}"
            )];
        }
        let wall = self
            .begun
            .as_deref()
            .and_then(|begun| span::between(begun, &event.at))
            .map_or(String::new(), |wall| format!(" in {}", span::short(wall)));
        let saved = if self.cached > 0 {
            format!(", saved {saved}")
        } else {
            String::new()
        };
        vec![format!(
            "done{wall}: ran {} of {all} actions{saved}",
            self.ran
        )]
    }

    /// The lines held back, then these.
    fn now(&mut self, lines: Vec<String>) -> Vec<String> {
        self.worked = true;
        let mut all = std::mem::take(&mut self.held);
        all.extend(lines);
        all
    }

    fn pad(&self, node: &str) -> String {
        format!("{node:<width$}", width = self.width)
    }
}

/// What a node that ran nothing was spared.
pub(crate) fn hit(count: NodeCount) -> String {
    if count.cached == 0 {
        "done (nothing to run)".to_owned()
    } else {
        format!("HIT (saved {})", span::short(count.saved_ms))
    }
}

/// How much of a node ran.
pub(crate) fn work(count: NodeCount) -> String {
    let all = count.ran + count.cached;
    if count.cached == 0 {
        format!("ran {all}")
    } else {
        let saved = span::short(count.saved_ms);
        format!("ran {} of {all}, saved {saved}", count.ran)
    }
}

fn reason_lines(node: &str, reasons: &[RerunReason]) -> Vec<String> {
    let mut lines: Vec<String> = reasons
        .iter()
        .take(REASONS_SHOWN)
        .map(|reason| format!("{node} MISS {reason}"))
        .collect();
    if reasons.len() > REASONS_SHOWN {
        lines.push(format!(
            "and {} more: `fenta explain latest {node}`",
            reasons.len() - REASONS_SHOWN
        ));
    }
    lines
}

/// The width of the widest name.
pub(crate) fn widest<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

/// How an event reads in a log.
pub(crate) fn log_text(kind: &JobEventKind) -> (Option<&str>, String) {
    match kind {
        JobEventKind::JobQueued { workflow } => (None, format!("queued: {workflow}")),
        JobEventKind::JobStarted { resumed: false } => (None, "started".to_owned()),
        JobEventKind::JobStarted { resumed: true } => (None, "resumed".to_owned()),
        JobEventKind::NodeStarted { node } => (Some(node), "started".to_owned()),
        JobEventKind::ActionsPlanned {
            node,
            total,
            cached,
        } => (
            Some(node),
            format!("{total} actions so far, {cached} cached"),
        ),
        JobEventKind::ActionStarted {
            node,
            action,
            digest,
            pid,
            attempt,
        } => {
            let process = pid.map_or(String::new(), |pid| format!(", process {pid}"));
            let text = format!("{action} {digest} started (try {attempt}{process})");
            (Some(node), text)
        }
        JobEventKind::NodeProgress { node, done, total } => (Some(node), format!("{done}/{total}")),
        JobEventKind::ActionFinished {
            node,
            action,
            digest,
            wall_ms,
        } => {
            let time = span::short(*wall_ms);
            (Some(node), format!("{action} {digest} done in {time}"))
        }
        other => end_text(other),
    }
}

/// The rest of [`log_text`]: how nodes and jobs end.
fn end_text(kind: &JobEventKind) -> (Option<&str>, String) {
    match kind {
        JobEventKind::ActionRetried {
            node,
            action,
            digest,
            message,
            attempt,
            ..
        } => {
            let text = format!("{action} {digest} failed, try {attempt} follows: {message}");
            (Some(node), text)
        }
        JobEventKind::NodeFinished {
            node,
            ran,
            cached,
            wall_ms,
            saved_ms,
            reasons,
        } => {
            let count = NodeCount {
                ran: *ran,
                cached: *cached,
                wall_ms: *wall_ms,
                saved_ms: *saved_ms,
            };
            let mut text = if count.ran == 0 {
                hit(count)
            } else {
                format!("{} in {}", work(count), span::short(count.wall_ms))
            };
            for reason in reasons {
                text.push_str(&format!("; MISS {reason}"));
            }
            (Some(node), text)
        }
        JobEventKind::NodeFailed {
            node,
            message,
            hint,
            ..
        } => (Some(node), failure(message, hint)),
        JobEventKind::NodeSkipped { node, why } => (Some(node), format!("skipped: {why}")),
        JobEventKind::NodeFellBack { node, message } => {
            (Some(node), format!("falling back after: {message}"))
        }
        JobEventKind::NodeNoted { node, notes } => (Some(node), notes.join("; ")),
        _ => (None, job_text(kind)),
    }
}

/// The rest of [`end_text`]: what becomes of the job.
fn job_text(kind: &JobEventKind) -> String {
    match kind {
        JobEventKind::JobPaused {
            node,
            message,
            hint,
        } => format!("paused at {node}: {}", failure(message, hint)),
        JobEventKind::JobNeedsAttention {
            node,
            message,
            hint,
        } => format!("needs attention at {node}: {}", failure(message, hint)),
        JobEventKind::JobWaiting {
            node,
            message,
            hint,
            until,
        } => format!(
            "waiting at {node} until {until}: {}",
            failure(message, hint)
        ),
        JobEventKind::BudgetReached { percent, .. } => {
            format!("{percent}% of the budget is used: {}", budget(kind))
        }
        JobEventKind::CancelRequested => "cancel requested".to_owned(),
        JobEventKind::JobCompleted { outputs } => {
            format!("completed with {} outputs", outputs.len())
        }
        JobEventKind::JobFailed {
            node,
            message,
            hint,
            ..
        } => format!("{node}: {}", failure(message, hint)),
        JobEventKind::JobCancelled => "cancelled".to_owned(),
        // Everything else is said by `log_text` itself.
        _ => String::new(),
    }
}

fn failure(message: &str, hint: &str) -> String {
    if hint.is_empty() {
        format!("failed: {message}")
    } else {
        format!("failed: {message}; help: {hint}")
    }
}

/// How much of which budget an event speaks of.
fn budget(kind: &JobEventKind) -> String {
    match kind {
        JobEventKind::BudgetReached {
            what, used, limit, ..
        } => format!("{used} of {limit} {what}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: &str, kind: JobEventKind) -> JobEvent {
        JobEvent {
            seq: 1,
            job: "job_1".into(),
            at: format!("2026-01-01T00:{at}Z"),
            kind,
        }
    }

    fn started(resumed: bool) -> JobEvent {
        event("00:00", JobEventKind::JobStarted { resumed })
    }

    fn finished(node: &str, ran: u32, cached: u32, reasons: Vec<RerunReason>) -> JobEvent {
        let kind = JobEventKind::NodeFinished {
            node: node.into(),
            ran,
            cached,
            wall_ms: u64::from(ran) * 3_280,
            saved_ms: u64::from(cached) * 1_000,
            reasons,
        };
        event("00:05", kind)
    }

    fn completed() -> JobEvent {
        let outputs = Default::default();
        event("00:12", JobEventKind::JobCompleted { outputs })
    }

    fn all(events: &[JobEvent]) -> Vec<String> {
        let mut lines = JobLines::new(Style::new(false), 6);
        events.iter().flat_map(|event| lines.lines(event)).collect()
    }

    #[test]
    fn a_job_with_nothing_to_do_is_one_line() {
        let lines = all(&[
            started(false),
            finished("voice", 0, 4, vec![]),
            finished("captions", 0, 0, vec![]),
            finished("render", 0, 33, vec![]),
            completed(),
        ]);
        assert_eq!(lines, ["up to date: 37 of 37 actions cached, saved 37s"]);
    }

    #[test]
    fn notes_are_told_even_where_nothing_ran() {
        let noted = JobEventKind::NodeNoted {
            node: "cut".into(),
            notes: vec!["`a.mp4` holds its last frame".into()],
        };
        let lines = all(&[started(false), event("00:03", noted), completed()]);
        assert_eq!(lines[0], "! cut     `a.mp4` holds its last frame");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn hits_are_shown_as_soon_as_something_ran() {
        let changed = RerunReason::Param {
            key: "text".into(),
            old: "\"a\"".into(),
            new: "\"b\"".into(),
        };
        let lines = all(&[
            started(false),
            finished("music", 0, 4, vec![]),
            finished("render", 3, 11, vec![changed]),
            finished("cover", 0, 1, vec![]),
            completed(),
        ]);
        assert_eq!(
            lines,
            [
                "• music   HIT (saved 4.0s)",
                "✓ render    9.8s  ran 3 of 14, saved 11s",
                "    render MISS param text \"a\" -> \"b\"",
                "• cover   HIT (saved 1.0s)",
                "done in 12s: ran 3 of 19 actions, saved 16s",
            ]
        );
    }

    #[test]
    fn many_reasons_are_cut_with_the_way_to_the_rest() {
        let reasons = vec![RerunReason::FirstRun; 5];
        let lines = all(&[finished("voice", 1, 0, reasons)]);
        assert_eq!(lines.len(), 1 + REASONS_SHOWN + 1);
        assert_eq!(lines[4], "    and 2 more: `fenta explain latest voice`");
    }

    #[test]
    fn a_resumed_job_does_not_count_its_first_attempt() {
        let lines = all(&[
            started(false),
            finished("voice", 2, 0, vec![]),
            started(true),
            finished("voice", 0, 2, vec![]),
            finished("render", 1, 0, vec![]),
            completed(),
        ]);
        assert_eq!(lines[1], "going on where the job was interrupted");
        assert_eq!(lines[4], "done in 12s: ran 1 of 3 actions, saved 2.0s");
    }

    #[test]
    fn turns_of_a_node_are_counted_once_and_told_by_their_node() {
        let lines = all(&[
            started(false),
            finished("footage[0]", 1, 0, vec![RerunReason::FirstRun]),
            finished("footage[1]", 0, 1, vec![]),
            finished("footage", 1, 1, vec![RerunReason::FirstRun]),
            completed(),
        ]);
        assert_eq!(
            lines,
            [
                "✓ footage    3.3s  ran 1 of 2, saved 1.0s",
                "    footage MISS first run",
                "done in 12s: ran 1 of 2 actions, saved 1.0s",
            ]
        );
    }

    #[test]
    fn a_failed_turn_is_told_once() {
        let failed = |node: &str| {
            let kind = JobEventKind::NodeFailed {
                node: node.into(),
                class: fenta_workflows::worker::FailureClass::Limit,
                message: "too large".into(),
                hint: "h".into(),
            };
            event("00:09", kind)
        };
        let lines = all(&[failed("cut[2]"), failed("cut"), failed("render")]);
        assert_eq!(lines, ["✗ cut[2]  too large", "✗ render  too large"]);
    }

    #[test]
    fn failures_show_what_came_before_them() {
        let failed = JobEventKind::NodeFailed {
            node: "render".into(),
            class: fenta_workflows::worker::FailureClass::Limit,
            message: "frame 7 took too long".into(),
            hint: "h".into(),
        };
        let lines = all(&[finished("voice", 0, 1, vec![]), event("00:09", failed)]);
        assert_eq!(
            lines,
            [
                "• voice   HIT (saved 1.0s)",
                "✗ render  frame 7 took too long"
            ]
        );
    }

    #[test]
    fn every_event_has_a_text_in_the_log() {
        let progress = JobEventKind::NodeProgress {
            node: "render".into(),
            done: 3,
            total: 9,
        };
        assert_eq!(log_text(&progress), (Some("render"), "3/9".to_owned()));
        let ended = finished("voice", 1, 1, vec![RerunReason::FirstRun]);
        assert_eq!(
            log_text(&ended.kind).1,
            "ran 1 of 2, saved 1.0s in 3.3s; MISS first run"
        );
        assert_eq!(log_text(&JobEventKind::JobCancelled).1, "cancelled");
        let failed = JobEventKind::JobFailed {
            class: None,
            node: "voice".into(),
            message: "m".into(),
            hint: "h".into(),
        };
        assert_eq!(log_text(&failed).1, "voice: failed: m; help: h");
    }

    #[test]
    fn the_widest_name_sets_the_column() {
        assert_eq!(widest(["a", "größe"].into_iter()), 5);
        assert_eq!(widest([].into_iter()), 0);
    }
}

//! A job's events as a trace that Perfetto and chrome://tracing open: the JSON "Trace Event Format", one track per
//! node and as many tracks for actions as ever ran side by side.
//!
//! Pure: events in, JSON out. Times of the file are microseconds after the job was accepted.

use std::collections::BTreeMap;

use fenta_client::api::jobs::{JobEvent, JobEventKind};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The process all tracks belong to.
const PROCESS: u32 = 1;
/// The track of the job itself; nodes follow.
const JOB_TRACK: usize = 0;
/// The first track of actions: after any number of nodes.
const ACTION_TRACKS: usize = 100_000;

/// The trace of a job.
pub(crate) fn trace(events: &[JobEvent]) -> Value {
    let mut drawing = Drawing::default();
    let start = events.first().and_then(time).unwrap_or_default();
    for event in events {
        let Some(at) = time(event) else { continue };
        drawing.event(at - start, &event.kind);
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": drawing.finish() })
}

/// When, in microseconds.
fn time(event: &JobEvent) -> Option<i64> {
    Some(event.at.parse::<Timestamp>().ok()?.as_microsecond())
}

#[derive(Default)]
struct Drawing {
    out: Vec<Value>,
    nodes: Vec<String>,
    open: BTreeMap<String, i64>,
    job_from: Option<i64>,
    /// Until when each track of actions is taken.
    lanes: Vec<i64>,
    last: i64,
}

impl Drawing {
    fn event(&mut self, at: i64, kind: &JobEventKind) {
        self.last = self.last.max(at);
        match kind {
            JobEventKind::JobStarted { .. } => self.job_from = Some(at),
            JobEventKind::JobCompleted { .. } => self.job_ended(at, "completed"),
            JobEventKind::JobFailed { message, .. } => self.job_ended(at, message),
            JobEventKind::JobPaused { message, .. } => self.job_ended(at, message),
            JobEventKind::JobCancelled => self.job_ended(at, "cancelled"),
            JobEventKind::NodeStarted { node } => {
                self.open.insert(node.clone(), at);
            }
            JobEventKind::NodeFinished {
                node,
                ran,
                cached,
                saved_ms,
                reasons,
                ..
            } => {
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                let what = json!({ "ran": ran, "cached": cached, "saved_ms": saved_ms, "reasons": reasons });
                self.node_ended(at, node, what);
            }
            JobEventKind::NodeFailed { node, message, .. } => {
                self.node_ended(at, node, json!({ "failed": message }));
            }
            JobEventKind::NodeSkipped { node, why } => {
                self.node_ended(at, node, json!({ "skipped": why }));
            }
            JobEventKind::ActionFinished {
                node,
                action,
                digest,
                wall_ms,
            } => {
                let took = i64::try_from(*wall_ms).unwrap_or(i64::MAX / 2000) * 1000;
                let track = self.lane((at - took).max(0), at);
                let what = json!({ "node": node, "digest": digest });
                self.span(track, action, ((at - took).max(0), at), what);
            }
            JobEventKind::ActionRetried {
                action,
                message,
                node,
                ..
            } => {
                let track = self.track(node);
                self.instant(track, at, &format!("{action} again"), message);
            }
            _ => {}
        }
    }

    fn job_ended(&mut self, at: i64, how: &str) {
        if let Some(from) = self.job_from.take() {
            self.span(JOB_TRACK, "job", (from, at), json!({ "ended": how }));
        }
    }

    fn node_ended(&mut self, at: i64, node: &str, what: Value) {
        let from = self.open.remove(node).unwrap_or(at);
        let track = self.track(node);
        self.span(track, node, (from, at), what);
    }

    fn track(&mut self, node: &str) -> usize {
        let known = self.nodes.iter().position(|name| name == node);
        1 + known.unwrap_or_else(|| {
            self.nodes.push(node.to_owned());
            self.nodes.len() - 1
        })
    }

    /// The first track of actions that is free from `from` on.
    fn lane(&mut self, from: i64, to: i64) -> usize {
        let free = self.lanes.iter().position(|taken| *taken <= from);
        let lane = free.unwrap_or_else(|| {
            self.lanes.push(to);
            self.lanes.len() - 1
        });
        self.lanes[lane] = to;
        ACTION_TRACKS + lane
    }

    fn span(&mut self, track: usize, name: &str, (from, to): (i64, i64), args: Value) {
        self.out.push(json!({
            "ph": "X", "pid": PROCESS, "tid": track, "name": name, "cat": "fenta",
            "ts": from, "dur": to - from, "args": args,
        }));
    }

    fn instant(&mut self, track: usize, at: i64, name: &str, message: &str) {
        self.out.push(json!({
            "ph": "i", "s": "t", "pid": PROCESS, "tid": track, "name": name, "cat": "fenta",
            "ts": at, "args": { "message": message },
        }));
    }

    /// What still ran when the log ended is drawn up to there.
    fn finish(mut self) -> Vec<Value> {
        for (node, from) in std::mem::take(&mut self.open) {
            let (track, to) = (self.track(&node), self.last);
            self.span(track, &node, (from, to), json!({ "open": true }));
        }
        let last = self.last;
        self.job_ended(last, "open");
        let mut names = vec![(JOB_TRACK, "job".to_owned())];
        let nodes = self.nodes.iter().enumerate();
        names.extend(nodes.map(|(index, node)| (index + 1, node.clone())));
        let lanes = 0..self.lanes.len();
        names.extend(lanes.map(|lane| (ACTION_TRACKS + lane, format!("actions {}", lane + 1))));
        let mut all: Vec<Value> = names
            .into_iter()
            .map(|(track, name)| {
                json!({ "ph": "M", "pid": PROCESS, "tid": track, "name": "thread_name", "args": { "name": name } })
            })
            .collect();
        all.append(&mut self.out);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, at: &str, kind: JobEventKind) -> JobEvent {
        JobEvent {
            seq,
            job: "job_1".into(),
            at: format!("2026-01-01T00:00:{at}Z"),
            kind,
        }
    }

    fn action(digest: &str, wall_ms: u64) -> JobEventKind {
        JobEventKind::ActionFinished {
            node: "render".into(),
            action: "segment".into(),
            digest: digest.into(),
            wall_ms,
        }
    }

    #[test]
    fn actions_that_overlap_get_tracks_of_their_own() {
        let events = [
            event(
                1,
                "00.000",
                JobEventKind::JobQueued {
                    workflow: "w".into(),
                },
            ),
            event(2, "00.500", JobEventKind::JobStarted { resumed: false }),
            event(
                3,
                "01.000",
                JobEventKind::NodeStarted {
                    node: "render".into(),
                },
            ),
            event(4, "03.000", action("a", 2000)),
            event(5, "03.500", action("b", 2000)),
            event(6, "05.000", action("c", 1500)),
            event(7, "06.000", JobEventKind::JobCancelled),
        ];
        let trace = trace(&events);
        let all = trace["traceEvents"].as_array().unwrap();
        let spans: Vec<(i64, i64, i64)> = all
            .iter()
            .filter(|event| event["name"] == "segment")
            .map(|event| {
                let number = |key: &str| event[key].as_i64().unwrap();
                (number("tid") - 100_000, number("ts"), number("dur"))
            })
            .collect();
        assert_eq!(
            spans,
            [
                (0, 1_000_000, 2_000_000),
                (1, 1_500_000, 2_000_000),
                (0, 3_500_000, 1_500_000)
            ]
        );
        let job = all.iter().find(|event| event["name"] == "job").unwrap();
        assert_eq!(
            (&job["ts"], &job["dur"]),
            (&json!(500_000), &json!(5_500_000))
        );
        let render = all.iter().find(|event| event["name"] == "render").unwrap();
        assert_eq!(render["args"], json!({ "open": true }), "it never ended");
        let names = all.iter().filter(|event| event["ph"] == "M").count();
        assert_eq!(names, 4, "the job, a node, two tracks of actions");
    }
}

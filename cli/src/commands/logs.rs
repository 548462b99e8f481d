//! `fenta logs`: what happened in a job, now or as it happens.

use fenta_client::api::jobs::{Job, JobEvent};
use fenta_client::{EventStream, Followed};

use super::Context;
use super::explain::known_node;
use crate::command_error::CommandError;
use crate::ui::Ui;
use crate::ui::job_lines::{log_text, widest};
use crate::ui::turn;

/// Print what happened in a job, oldest first. With --json, the events as they are.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// Id, unique prefix of an id, or `latest`
    #[arg(value_name = "JOB")]
    job: String,
    /// Only this node
    #[arg(value_name = "NODE")]
    node: Option<String>,
    /// Go on until the job ends
    #[arg(short, long)]
    follow: bool,
}

impl LogsArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let Context { ui, session, .. } = context;
        // Only a daemon that answers can say what comes next.
        let library = if self.follow {
            None
        } else {
            Some(session.library(ui).await?)
        };
        let client = match &library {
            Some(library) => library.client().clone(),
            None => session.client(ui).await?,
        };
        let job = client.job(&self.job).await?;
        if let Some(node) = &self.node {
            known_node(&job, node)?;
        }
        let mut printer = Printer::new(ui, &job, self.node);
        if job.last_seq == 0 && !self.follow {
            return Ok(());
        }
        let mut events =
            EventStream::new(client, job.id.clone(), 0, async || session.again().await);
        while let Some(next) = events.next().await? {
            match next {
                Followed::Event(event) => printer.print(&event)?,
                Followed::Lost { reason } => ui.note(&format!("lost the daemon ({reason})")),
            }
            if !self.follow && events.last_seq() >= job.last_seq {
                break;
            }
        }
        Ok(())
    }
}

struct Printer<'a> {
    ui: &'a Ui,
    node: Option<String>,
    width: usize,
}

impl<'a> Printer<'a> {
    fn new(ui: &'a Ui, job: &Job, node: Option<String>) -> Self {
        Self {
            ui,
            node,
            width: widest(job.nodes.iter().map(|run| run.node.as_str())),
        }
    }

    fn print(&mut self, event: &JobEvent) -> Result<(), CommandError> {
        if !concerns(event, self.node.as_deref()) {
            return Ok(());
        }
        if self.ui.is_json() {
            return self.ui.json(event);
        }
        let (node, text) = log_text(&event.kind);
        let width = self.width;
        self.ui.result(&format!(
            "{}  {:<width$}  {text}",
            self.ui.out_style().dim(time_of_day(&event.at)),
            node.unwrap_or_default()
        ))
    }
}

/// Whether an event is about the node that was asked for.
fn concerns(event: &JobEvent, node: Option<&str>) -> bool {
    let about = log_text(&event.kind).0;
    node.is_none_or(|node| about.is_some_and(|name| turn::is_of(name, node)))
}

/// `12:03:04.123` of an RFC 3339 time; what is not one is shown whole.
fn time_of_day(at: &str) -> &str {
    at.split_once('T')
        .map_or(at, |(_, time)| time.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use fenta_client::api::jobs::JobEventKind;

    use super::*;

    #[test]
    fn only_the_nodes_own_events_pass() {
        let mut event = JobEvent {
            seq: 1,
            job: "job_1".into(),
            at: "2026-01-01T12:03:04.123Z".into(),
            kind: JobEventKind::NodeStarted {
                node: "voice".into(),
            },
        };
        assert!(concerns(&event, Some("voice")) && concerns(&event, None));
        assert!(!concerns(&event, Some("render")));
        event.kind = JobEventKind::CancelRequested;
        assert!(!concerns(&event, Some("voice")));
        assert_eq!(time_of_day(&event.at), "12:03:04.123");
        assert_eq!(time_of_day("later"), "later");
    }
}

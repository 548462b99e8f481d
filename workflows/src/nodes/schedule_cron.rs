//! `Schedule.Cron`: a trigger drawn as a node, as the hosted service does. It means what `schedule` means.
//!
//! Neighbours: `graph::read_schedule` reads cron and zone of these nodes into the workflow's schedules and judges them;
//! in a job the node only says which day it is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::execution::JobFacts;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct ScheduleCron;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Schedule.Cron",
    version: 1,
    summary: "Starts the workflow by the clock; the same as `schedule` at the top of a document.",
    params: vec![
        ParamSpec::required(
            "cron",
            ParamType::Text { max_chars: 100 },
            "Minute, hour, day, month and weekday, for example `0 7 * * 1-5`.",
        ),
        ParamSpec::required(
            "timezone",
            ParamType::Text { max_chars: 64 },
            "IANA time zone, for example Europe/Berlin.",
        ),
        ParamSpec::with_default(
            "enabled",
            ParamType::Bool,
            Value::Bool(true),
            "Whether it is in force.",
        ),
    ],
    ports: vec![PortSpec::new("tick", PortType::Json, "The run: date, job.")],
    example: "\
fenta: workflow/v1
nodes:
  weekdays: { type: Schedule.Cron, with: { cron: \"0 7 * * 1-5\", timezone: Europe/Berlin } }
  words: { type: Input.Text, with: { text: \"Honey never spoils.\" } }
outputs:
  text: ${{ nodes.words.text }}
",
});

impl NodeType for ScheduleCron {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn has_effect(&self) -> bool {
        true
    }

    fn job_params(&self, job: &JobFacts) -> Vec<(&'static str, Value)> {
        vec![
            ("job.date", Value::Text(job.date.clone())),
            ("job.id", Value::Text(job.id.clone())),
        ]
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        _steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let tick = outputs([
            ("date", Value::Text(context.job.date.clone())),
            ("job", Value::Text(context.job.id.clone())),
        ]);
        Ok(outputs([("tick", Value::Record(tick))]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_tick_says_which_run_it_is() {
        let out = Bench::new("Schedule.Cron")
            .with("cron", Value::Text("0 7 * * *".into()))
            .with("timezone", Value::Text("Europe/Berlin".into()))
            .outputs(&[]);
        assert_eq!(out["tick"].to_json()["date"], "2026-11-22");
        assert_eq!(out["tick"].to_json()["job"], "job_1");
    }
}

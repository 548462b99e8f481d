//! Which film a search is for, and which place in it: what one film took, others may not take, and no film takes anything
//! twice. The same document into the same folder is the same film, however often it runs; where a schedule starts it, each
//! day's is another.
//!
//! Neighbours: `PreparedNode` says it to the tasks that mind; the daemon remembers what each place took.

use crate::action::{Action, InvokeTask};
use crate::digest::value_hash;
use crate::execution::{Item, Scope, Stage};
use crate::graph::{NodeId, Workflow};

/// Characters of a name; enough for all films of a machine.
const CHARS: usize = 16;

/// A film and a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    film: String,
    /// The film of one day.
    today: String,
    /// The films of all days.
    series: String,
    place: String,
}

impl Place {
    /// The place of a turn. `same` says whether another turn of the node asks for just the same: the second of those is
    /// not the first.
    pub(super) fn of(
        workflow: &Workflow,
        node: &NodeId,
        scope: &Scope,
        same: impl Fn(&Scope) -> bool,
    ) -> Self {
        let job = &scope.job;
        let name = |day: &str| {
            let parts = (&workflow.name, &job.workflow_dir, &job.out_dir, day);
            let mut name = value_hash("film", &parts);
            name.truncate(CHARS);
            name
        };
        let today = name(&job.date);
        let series = name("");
        let film = match workflow.settings().schedules.is_empty() {
            true => series.clone(),
            false => today.clone(),
        };
        let number = twins(workflow, node, scope, same);
        let place = match number {
            0 => node.to_string(),
            number => format!("{node}+{number}"),
        };
        Self {
            film,
            today,
            series,
            place,
        }
    }

    /// Says it to the tasks that mind.
    pub(super) fn say(&self, actions: &mut [Action]) {
        for action in actions {
            let Action::Invoke(request) = action else {
                continue;
            };
            match &mut request.task {
                InvokeTask::FindStock(task) if task.minds_the_film() => {
                    task.film.clone_from(&self.film);
                    task.place.clone_from(&self.place);
                }
                InvokeTask::ReadFeed(task) => {
                    task.film.clone_from(&self.today);
                    task.series.clone_from(&self.series);
                }
                _ => {}
            }
        }
    }
}

/// How many earlier turns of the node ask for just the same.
fn twins(
    workflow: &Workflow,
    node: &NodeId,
    scope: &Scope,
    same: impl Fn(&Scope) -> bool,
) -> usize {
    let Some(turn) = &scope.item else {
        return 0;
    };
    let whole = Scope {
        item: None,
        ..scope.clone()
    };
    let Ok(Stage::Each(values)) = workflow.stage(node, &whole) else {
        return 0;
    };
    let earlier = values.into_iter().enumerate().take(turn.index);
    earlier
        .filter(|(index, value)| {
            same(&Scope {
                item: Some(Item {
                    index: *index,
                    value: value.clone(),
                }),
                ..whole.clone()
            })
        })
        .count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::action::FindStockTask;
    use crate::execution::{Lowered, SourceFile, compile};
    use crate::value::Value;

    const FOUR: &str = "\
fenta: workflow/v1
inputs: { words: { type: \"string[]\", default: [bees, city, bees, bees] } }
nodes:
  footage: { type: Input.Stock, for_each: \"${{ inputs.words }}\", with: { query: \"${{ item }}\" } }
outputs: { n: \"${{ len(nodes.footage.media) }}\" }
";

    fn tasks(text: &str, date: &str, out_dir: &str) -> Vec<FindStockTask> {
        let source = SourceFile {
            name: "w.yaml".into(),
            text: text.into(),
        };
        let (workflow, _) = compile(&source).unwrap();
        let words = ["bees", "city", "bees", "bees"].map(|word| Value::Text(word.into()));
        let mut scope = Scope {
            inputs: BTreeMap::from([("words".to_owned(), Value::List(words.to_vec()))]),
            ..Scope::default()
        };
        scope.job.date = date.into();
        scope.job.out_dir = out_dir.into();
        let turns = words.into_iter().enumerate().map(|(index, value)| {
            scope.item = Some(Item { index, value });
            let prepared = workflow.prepare(&NodeId::new("footage"), &scope).unwrap();
            match prepared.lower(&[]).unwrap() {
                Lowered::Actions(actions) => match actions.into_iter().next() {
                    Some(Action::Invoke(request)) => match request.task {
                        InvokeTask::FindStock(task) => task,
                        other => panic!("{other:?}"),
                    },
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        });
        turns.collect()
    }

    #[test]
    fn turns_that_ask_for_the_same_have_places_of_their_own_and_the_others_keep_theirs() {
        let places: Vec<String> = tasks(FOUR, "2026-11-23", "/o")
            .into_iter()
            .map(|task| task.place)
            .collect();
        assert_eq!(places, ["footage", "footage", "footage+1", "footage+2"]);
    }

    #[test]
    fn a_film_is_a_document_and_a_folder_and_with_a_schedule_a_day() {
        let film = |text: &str, date: &str, folder: &str| tasks(text, date, folder)[0].film.clone();
        let one = film(FOUR, "2026-11-23", "/o");
        assert_eq!(one.len(), CHARS);
        assert_eq!(film(FOUR, "2026-11-24", "/o"), one);
        assert_ne!(film(FOUR, "2026-11-23", "/o/row-2"), one);
        let daily =
            format!("{FOUR}schedule: [{{ cron: \"0 7 * * 1-5\", timezone: Europe/Berlin }}]\n");
        let monday = film(&daily, "2026-11-23", "/o");
        assert_ne!(film(&daily, "2026-11-24", "/o"), monday);
        assert_eq!(film(&daily, "2026-11-23", "/o"), monday);
    }

    #[test]
    fn who_does_not_mind_shares_with_everybody() {
        let free = FOUR.replace(
            "query: \"${{ item }}\"",
            "query: \"${{ item }}\", unique_in_run: false, exclude_used_days: 0",
        );
        let tasks = tasks(&free, "2026-11-23", "/o");
        assert!(
            tasks
                .iter()
                .all(|task| task.film.is_empty() && task.place.is_empty())
        );
    }
}

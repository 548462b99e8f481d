//! Which nodes of a workflow a run is about, and what the cache may answer for each. Pure: options and graph in,
//! verdicts out; `node_run` and the plan obey them.

use std::collections::{HashMap, HashSet};

use fenta_client::api::jobs::{Refresh, RunOptions};
use fenta_workflows::{NodeId, Workflow, nearest};

/// What a run does with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It runs; the cache may answer.
    Run,
    /// It runs, whatever the cache has.
    Again,
    /// Its results must be in the cache.
    FromCache,
    /// It is no part of the run.
    LeftOut,
}

/// Options that do not fit the workflow or each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A node that is not there.
    #[error("the workflow has no node `{name}`{}", .near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    UnknownNode {
        /// The option that names it.
        option: &'static str,
        /// What it names.
        name: String,
        /// The node that was probably meant.
        near: Option<String>,
        /// Every node there is.
        nodes: Vec<String>,
    },
    /// Two options that contradict each other.
    #[error("`{one}` and `{other}` contradict each other: {why}")]
    Conflict {
        /// An option.
        one: &'static str,
        /// The other.
        other: &'static str,
        /// In what.
        why: String,
    },
    /// A day that is none.
    #[error("`{0}` is not a day")]
    Day(String),
    /// A frozen run without a lock.
    #[error("a frozen run needs a lock, and there is none for this document")]
    NoLock,
    /// What a frozen run would need is not pinned.
    #[error("the lock does not pin this workflow as it is: {}", .0.join("; "))]
    NotPinned(Vec<String>),
}

impl OptionsError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownNode { nodes, .. } => format!("its nodes are {}", nodes.join(", ")),
            Self::Conflict { one, other, .. } => format!("leave out `{one}` or `{other}`"),
            Self::Day(_) => "write a day like 2026-11-22".to_owned(),
            Self::NoLock => {
                "run it once with --lock and without --frozen: that writes fenta.lock".to_owned()
            }
            Self::NotPinned(_) => {
                "run it with --lock and without --frozen to pin it as it is now".to_owned()
            }
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    parts: HashMap<NodeId, Part>,
}

impl Selection {
    /// The verdict on every node.
    pub(super) fn new(workflow: &Workflow, options: &RunOptions) -> Result<Self, OptionsError> {
        check(workflow, options)?;
        if let Some(day) = options
            .date
            .as_ref()
            .filter(|day| day.parse::<jiff::civil::Date>().is_err())
        {
            return Err(OptionsError::Day(day.clone()));
        }
        let graph = Graph::new(workflow);
        let (only, until, from) = (ids(&options.only), ids(&options.until), ids(&options.from));
        let mut parts = graph.parts(&only, &until, &from);
        let again = match &options.refresh {
            Refresh::None => HashSet::new(),
            Refresh::All => workflow.order().iter().cloned().collect(),
            Refresh::Nodes(names) => ids(names),
        };
        for node in &again {
            match parts.get_mut(node) {
                Some(part @ Part::Run) => *part = Part::Again,
                Some(Part::FromCache | Part::LeftOut)
                    if matches!(options.refresh, Refresh::Nodes(_)) =>
                {
                    return Err(OptionsError::Conflict {
                        one: "refresh",
                        other: graph.excluding(node, options, &from),
                        why: format!("node `{node}` is not made in such a run"),
                    });
                }
                _ => {}
            }
        }
        Ok(Self { parts })
    }

    /// The verdict on a node.
    pub(super) fn part(&self, node: &NodeId) -> Part {
        self.parts.get(node).copied().unwrap_or(Part::LeftOut)
    }
}

fn ids(names: &[String]) -> HashSet<NodeId> {
    names.iter().map(NodeId::new).collect()
}

fn check(workflow: &Workflow, options: &RunOptions) -> Result<(), OptionsError> {
    let refreshed: &[String] = match &options.refresh {
        Refresh::Nodes(names) => names,
        _ => &[],
    };
    let lists = [
        ("only", options.only.as_slice()),
        ("until", options.until.as_slice()),
        ("from", options.from.as_slice()),
        ("refresh", refreshed),
    ];
    for (option, names) in lists {
        for name in names {
            if !workflow.nodes().contains_key(name.as_str()) {
                let nodes = || workflow.order().iter().map(NodeId::as_str);
                return Err(OptionsError::UnknownNode {
                    option,
                    name: name.clone(),
                    near: nearest(name, nodes()).map(str::to_owned),
                    nodes: nodes().map(str::to_owned).collect(),
                });
            }
        }
    }
    for (other, names) in &lists[1..3] {
        if !options.only.is_empty() && !names.is_empty() {
            return Err(OptionsError::Conflict {
                one: "only",
                other,
                why: "`only` names every node that runs".to_owned(),
            });
        }
    }
    Ok(())
}

/// The edges of a workflow, both ways.
struct Graph<'a> {
    order: &'a [NodeId],
    needs: HashMap<&'a NodeId, Vec<NodeId>>,
    feeds: HashMap<NodeId, Vec<NodeId>>,
}

impl<'a> Graph<'a> {
    fn new(workflow: &'a Workflow) -> Self {
        let mut needs = HashMap::new();
        let mut feeds: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for node in workflow.order() {
            let dependencies: Vec<NodeId> = workflow.dependencies(node).into_iter().collect();
            for dependency in &dependencies {
                feeds
                    .entry(dependency.clone())
                    .or_default()
                    .push(node.clone());
            }
            needs.insert(node, dependencies);
        }
        Self {
            order: workflow.order(),
            needs,
            feeds,
        }
    }

    fn parts(
        &self,
        only: &HashSet<NodeId>,
        until: &HashSet<NodeId>,
        from: &HashSet<NodeId>,
    ) -> HashMap<NodeId, Part> {
        let wanted = |node: &NodeId, up_to: &Option<HashSet<NodeId>>| {
            up_to.as_ref().is_none_or(|set| set.contains(node))
        };
        let up_to = (!until.is_empty()).then(|| self.reach(until, |node| self.needs.get(node)));
        // What runs again (or alone), and what has to be in the cache for it.
        let (made, verdict) = if !from.is_empty() {
            (
                Some(self.reach(from, |node| self.feeds.get(node))),
                Part::Again,
            )
        } else if !only.is_empty() {
            (Some(only.clone()), Part::Run)
        } else {
            (None, Part::Run)
        };
        let made = made.map(|set| -> HashSet<NodeId> {
            set.into_iter()
                .filter(|node| wanted(node, &up_to))
                .collect()
        });
        let needed = made
            .as_ref()
            .map(|set| self.reach(set, |node| self.needs.get(node)));
        self.order
            .iter()
            .map(|node| {
                let part = match (&made, &needed) {
                    (Some(made), _) if made.contains(node) => verdict,
                    (Some(_), Some(needed)) if needed.contains(node) => Part::FromCache,
                    (Some(_), _) => Part::LeftOut,
                    (None, _) if wanted(node, &up_to) => Part::Run,
                    (None, _) => Part::LeftOut,
                };
                (node.clone(), part)
            })
            .collect()
    }

    /// The option that keeps a node from being made.
    fn excluding(
        &self,
        node: &NodeId,
        options: &RunOptions,
        from: &HashSet<NodeId>,
    ) -> &'static str {
        let follows = || self.reach(from, |node| self.feeds.get(node)).contains(node);
        if !options.only.is_empty() {
            "only"
        } else if !from.is_empty() && !follows() {
            "from"
        } else {
            "until"
        }
    }

    /// The nodes, and everything that can be reached from them.
    fn reach<'b>(
        &'b self,
        begin: &HashSet<NodeId>,
        next: impl Fn(&NodeId) -> Option<&'b Vec<NodeId>>,
    ) -> HashSet<NodeId> {
        let mut found = begin.clone();
        let mut open: Vec<NodeId> = begin.iter().cloned().collect();
        while let Some(node) = open.pop() {
            for more in next(&node).into_iter().flatten() {
                if found.insert(more.clone()) {
                    open.push(more.clone());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::{SourceFile, compile};

    use super::*;

    /// words -> voice -> late, words -> music, alone.
    fn workflow() -> Workflow {
        let text = "fenta: workflow/v1\nnodes:\n\
                    \x20 words: { type: Input.Text, with: { text: hello } }\n\
                    \x20 voice: { type: Voice.TTS, with: { text: \"${{ nodes.words.text }}\" } }\n\
                    \x20 music: { type: Input.Music, with: { mood: calm }, needs: [words] }\n\
                    \x20 late: { type: Input.Text, with: { text: x }, needs: [voice] }\n\
                    \x20 alone: { type: Input.Text, with: { text: y } }\n";
        let source = SourceFile {
            name: "w.yaml".to_owned(),
            text: text.to_owned(),
        };
        compile(&source).unwrap().0
    }

    fn parts(options: &RunOptions) -> Result<String, OptionsError> {
        let selection = Selection::new(&workflow(), options)?;
        let letter = |node: &str| match selection.part(&NodeId::new(node)) {
            Part::Run => 'r',
            Part::Again => 'a',
            Part::FromCache => 'c',
            Part::LeftOut => '-',
        };
        Ok(["words", "voice", "music", "late", "alone"]
            .into_iter()
            .map(letter)
            .collect())
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_option_has_its_nodes() {
        let none = RunOptions::default();
        let until = RunOptions {
            until: names(&["voice"]),
            ..none.clone()
        };
        let only = RunOptions {
            only: names(&["voice", "alone"]),
            ..none.clone()
        };
        let from = RunOptions {
            from: names(&["voice"]),
            ..none.clone()
        };
        let both = RunOptions {
            from: names(&["words"]),
            until: names(&["voice"]),
            ..none.clone()
        };
        let refresh = RunOptions {
            refresh: Refresh::Nodes(names(&["voice"])),
            ..none.clone()
        };
        let all = RunOptions {
            refresh: Refresh::All,
            until: names(&["voice"]),
            ..none.clone()
        };
        let cases = [
            (none, "rrrrr"),
            (until, "rr---"),
            (only, "cr--r"),
            (from, "ca-a-"),
            (both, "aa---"),
            (refresh, "rarrr"),
            (all, "aa---"),
        ];
        for (options, expected) in cases {
            assert_eq!(parts(&options).unwrap(), expected, "{options:?}");
        }
    }

    #[test]
    fn unknown_nodes_and_contradictions_are_refused() {
        let wrong = RunOptions {
            until: names(&["vioce"]),
            ..RunOptions::default()
        };
        let error = parts(&wrong).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the workflow has no node `vioce`; did you mean `voice`?"
        );
        assert!(error.hint().contains("words, voice"), "{}", error.hint());
        let both = RunOptions {
            only: names(&["voice"]),
            from: names(&["voice"]),
            ..RunOptions::default()
        };
        assert!(
            parts(&both)
                .unwrap_err()
                .to_string()
                .contains("`only` and `from`")
        );
        let idle = RunOptions {
            only: names(&["late"]),
            refresh: Refresh::Nodes(names(&["voice"])),
            ..RunOptions::default()
        };
        assert!(matches!(parts(&idle), Err(OptionsError::Conflict { .. })));
        let conflict = |from: &[&str], until: &[&str], refreshed: &str| {
            let options = RunOptions {
                from: names(from),
                until: names(until),
                refresh: Refresh::Nodes(names(&[refreshed])),
                ..RunOptions::default()
            };
            parts(&options).unwrap_err().to_string()
        };
        let before = conflict(&["voice"], &[], "music");
        assert!(before.starts_with("`refresh` and `from`"), "{before}");
        let after = conflict(&["words"], &["voice"], "late");
        assert!(after.starts_with("`refresh` and `until`"), "{after}");
        let alone = conflict(&[], &["voice"], "alone");
        assert!(alone.starts_with("`refresh` and `until`"), "{alone}");
    }
}

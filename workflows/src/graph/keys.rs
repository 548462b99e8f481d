//! Every key of the document, in the order people meet them, each with the sentence that documents it.
//!
//! The reading passes refuse keys that are not here, and the JSON Schema, the reference and completion are made from
//! the same lists, so that none of them can tell another story. Nothing here knows what a key's value looks like.

/// A key with its documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDoc {
    /// As written in the document.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

const fn key(name: &'static str, doc: &'static str) -> KeyDoc {
    KeyDoc { name, doc }
}

/// Keys of the document itself.
pub const DOCUMENT_KEYS: [KeyDoc; 13] = [
    key(
        "fenta",
        "What the document is: `workflow/v1`; always the first key.",
    ),
    key(
        "name",
        "The workflow's name; the file's name when it is not written.",
    ),
    key("description", "What the workflow is for, in a sentence."),
    key(
        "seed",
        "The whole number every variation comes from; the same seed gives the same video.",
    ),
    key(
        "inputs",
        "Values the workflow is given when it runs, each with a type.",
    ),
    key(
        "vars",
        "Values computed once from inputs and the job, for use in several places.",
    ),
    key("nodes", "The work: a map of names to nodes."),
    key(
        "outputs",
        "What the workflow hands back: names of results to expressions.",
    ),
    key(
        "providers",
        "Which services or local engines do the work of a role, best first: `role: [vendor:model, ...]`.",
    ),
    key(
        "budget",
        "What one run may cost at most, and what happens when that is not enough.",
    ),
    key(
        "network",
        "`any`, or `local-only`: nothing in the run may speak to another machine.",
    ),
    key(
        "schedule",
        "When the workflow runs by itself: one schedule or a list of them.",
    ),
    key("watch", "A folder whose new files start the workflow."),
];

/// Keys of the document that the language reserves and no version has yet.
pub const DOCUMENT_KEYS_LATER: [&str; 2] = ["run_on", "defaults"];

/// Keys of a node.
pub const NODE_KEYS: [KeyDoc; 11] = [
    key(
        "type",
        "What kind of node it is, for example `Voice.TTS`; `fenta nodes list` shows all types.",
    ),
    key("with", "The node's parameters by name."),
    key(
        "needs",
        "Nodes that must be finished first although nothing of theirs is used; adds order only.",
    ),
    key(
        "if",
        "A condition: when it is false the node is skipped and its outputs are missing.",
    ),
    key(
        "for_each",
        "A list: the node runs once per item, which expressions see as `item` and `index`, and its outputs become lists.",
    ),
    key(
        "max_parallel",
        "How many items of `for_each` run at the same time: 1 to 64, 4 when it is not written.",
    ),
    key(
        "retry",
        "How often and after which failures the node is tried again: a number of attempts or a map.",
    ),
    key(
        "timeout",
        "The longest the node may take, for example `5m`; then it fails.",
    ),
    key(
        "cache",
        "Whether earlier results are used: `auto`, `off`, `refresh`, or `{ ttl: 24h }`.",
    ),
    key(
        "on_error",
        "What happens when the node fails: `fail`, `skip`, or `{ fallback: { ... } }` with other parameters.",
    ),
    key(
        "optional",
        "Whether the node may be left out when the budget is short.",
    ),
];

/// Keys of a node that the language reserves and no version has yet.
pub const NODE_KEYS_LATER: [&str; 4] = ["on", "ui", "providers", "run_on"];

/// Keys of an input.
pub const INPUT_KEYS: [KeyDoc; 11] = [
    key(
        "type",
        "What the input holds: one of the input types, with `[]` behind it for a list.",
    ),
    key("default", "The value when none is given."),
    key(
        "required",
        "Whether a value must be given; true when there is no default.",
    ),
    key("help", "One sentence for whoever gives the value."),
    key(
        "min",
        "The smallest number, duration or date, or the fewest items of a list.",
    ),
    key(
        "max",
        "The largest number, duration or date, or the most items of a list.",
    ),
    key("max_length", "The most characters of a text."),
    key(
        "pattern",
        "A regular expression that the whole text must match.",
    ),
    key("of", "The choices of an `enum`."),
    key(
        "kind",
        "What an `asset` is: `image`, `video` or `audio`; decides which file names are taken.",
    ),
    key(
        "accept",
        "The file name extensions a path may have, for example `[md, txt]`.",
    ),
];

/// Keys of `budget`.
pub const BUDGET_KEYS: [KeyDoc; 6] = [
    key("max_usd", "The most US dollars one run may cost."),
    key(
        "max_credits",
        "The most credits one run may take from providers that charge credits, as kie.ai does.",
    ),
    key(
        "max_render_seconds",
        "The most seconds of rendered video, at 1080p, one run may make.",
    ),
    key(
        "on_exceed",
        "What happens when the budget is not enough: `pause`, `fail` or `skip_optional`.",
    ),
    key(
        "alert_at",
        "Percentages of the budget at which the run says so.",
    ),
    key(
        "unknown_prices",
        "What becomes of work whose price nobody can tell: `refuse`, or `accept`; then it counts with what it turns out to cost.",
    ),
];

/// Keys of a schedule.
pub const SCHEDULE_KEYS: [KeyDoc; 10] = [
    key(
        "cron",
        "Minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.",
    ),
    key(
        "timezone",
        "The IANA time zone the times are meant in, for example `Europe/Berlin`.",
    ),
    key(
        "catch_up",
        "Which runs missed while the machine was off are made good: `none`, `latest` or `all`.",
    ),
    key(
        "overlap",
        "What happens when a run is due while one runs: skip, buffer_one, buffer_all, cancel_other, terminate_other or allow_all.",
    ),
    key(
        "jitter",
        "Each run is delayed by chance, by at most this length of time.",
    ),
    key("start", "The first day the schedule counts."),
    key("end", "The last day the schedule counts."),
    key("inputs", "Values of inputs for the runs of this schedule."),
    key("enabled", "Whether the schedule is in force."),
    key("notify", "Who is told how its runs end."),
];

/// Keys of `notify`.
pub const NOTIFY_KEYS: [KeyDoc; 4] = [
    key(
        "webhook",
        "The address that is told; https://, unless it is this machine.",
    ),
    key(
        "secret_ref",
        "Name of the signing secret in your keyring; the secret itself never stands in a document.",
    ),
    key("desktop", "Whether this machine's desktop shows it too."),
    key(
        "on",
        "Of what is told: any of `completed`, `failed` and `paused`; the last two when it is not written.",
    ),
];

/// Keys of `watch`.
pub const WATCH_KEYS: [KeyDoc; 11] = [
    key("path", "The folder to watch."),
    key(
        "match",
        "Which file names count: a pattern like `*.md`, or a list of them.",
    ),
    key(
        "settle",
        "How long a file must have stayed unchanged before it counts.",
    ),
    key("into", "The input the new file becomes."),
    key(
        "group_by",
        "Files that belong together make one run: `stem` (same name, other extension) or `folder`.",
    ),
    key(
        "requires",
        "Of a group, the extensions that must be there before it counts.",
    ),
    key(
        "after",
        "What happens to the file after a good run: `keep`, `delete` or `move:FOLDER`.",
    ),
    key(
        "while_busy",
        "What happens to files that come while a run goes on: `queue`, `latest`, `skip` or `parallel`.",
    ),
    key(
        "initial",
        "Files that are there when watching begins: `run` or `ignore`.",
    ),
    key(
        "poll",
        "Look at the folder this often, where the system does not tell of changes.",
    ),
    key("notify", "Who is told how its runs end."),
];

/// Keys of `retry` as a map.
pub const RETRY_KEYS: [KeyDoc; 3] = [
    key("attempts", "How often the work is tried in all: 1 to 10."),
    key(
        "backoff",
        "The first and the longest wait between attempts, for example `2s..60s`.",
    ),
    key(
        "on",
        "After which failures: rate_limit, server, timeout, network, crash, resource.",
    ),
];

/// Keys of `cache` as a map.
pub const CACHE_KEYS: [KeyDoc; 1] = [key(
    "ttl",
    "How old an earlier result may be, for example `24h`.",
)];

/// Keys of `on_error` as a map.
pub const ON_ERROR_KEYS: [KeyDoc; 1] = [key(
    "fallback",
    "Parameters that replace those of `with` when the node has failed.",
)];

/// Words and the names of things: what a value that is one of a few words may say.
pub const NETWORKS: [&str; 2] = ["any", "local-only"];
/// Words of `budget.on_exceed`.
pub const ON_EXCEED: [&str; 3] = ["pause", "fail", "skip_optional"];
/// Words of `budget.unknown_prices`.
pub const UNKNOWN_PRICES: [&str; 2] = ["refuse", "accept"];
/// Words of `schedule.catch_up`.
pub const CATCH_UP: [&str; 3] = ["none", "latest", "all"];
/// Words of `schedule.overlap`; `queue` means `buffer_all`.
pub const OVERLAP: [&str; 7] = [
    "skip",
    "buffer_one",
    "buffer_all",
    "cancel_other",
    "terminate_other",
    "allow_all",
    "queue",
];
/// Words of `watch.group_by`.
pub const GROUP_BY: [&str; 2] = ["stem", "folder"];
/// Words of `watch.while_busy`.
pub const WHILE_BUSY: [&str; 4] = ["queue", "skip", "parallel", "latest"];
/// Words of `watch.initial`.
pub const INITIAL: [&str; 2] = ["run", "ignore"];
/// Words of `notify.on`.
pub const NOTIFY_ON: [&str; 3] = ["completed", "failed", "paused"];
/// Words of `cache`.
pub const CACHE: [&str; 3] = ["auto", "off", "refresh"];
/// Words of `on_error`.
pub const ON_ERROR: [&str; 2] = ["fail", "skip"];
/// Words of an input's `kind`.
pub const ASSET_KINDS: [&str; 3] = ["image", "video", "audio"];

/// The names of keys.
pub fn names(keys: &[KeyDoc]) -> impl Iterator<Item = &'static str> {
    keys.iter().map(|key| key.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_is_there_once_with_a_sentence() {
        for keys in [
            &DOCUMENT_KEYS[..],
            &NODE_KEYS,
            &INPUT_KEYS,
            &BUDGET_KEYS,
            &SCHEDULE_KEYS,
            &WATCH_KEYS,
            &NOTIFY_KEYS,
            &RETRY_KEYS,
            &CACHE_KEYS,
            &ON_ERROR_KEYS,
        ] {
            let unique: BTreeSet<&str> = names(keys).collect();
            assert_eq!(unique.len(), keys.len());
            for key in keys {
                assert!(key.doc.ends_with('.') && key.doc.len() > 12, "{}", key.name);
            }
        }
    }

    #[test]
    fn later_keys_are_not_known_keys() {
        assert!(!names(&DOCUMENT_KEYS).any(|key| DOCUMENT_KEYS_LATER.contains(&key)));
        assert!(!names(&NODE_KEYS).any(|key| NODE_KEYS_LATER.contains(&key)));
    }
}

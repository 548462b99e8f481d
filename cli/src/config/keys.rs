//! The keys of settings: what each holds, which variable says the same, and who may set it.
//!
//! Neighbours: `file` checks values with this, `fenta config` and `fenta schema config` print it.

use fenta_client::api::cache::CacheBound;
use fenta_workflows::cost::Decimal;
use serde_json::{Map, Value as Json, json};

use super::Owner;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Key {
    /// Its name, `section.key`.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// The variable of the environment that says the same and wins.
    pub(crate) env: Option<&'static str>,
    /// What holds when nobody says anything, in words.
    pub(crate) default: &'static str,
    /// Whether only the user may set it: a project from elsewhere must not choose programs and places.
    pub(crate) user_only: bool,
    /// One sentence.
    pub(crate) doc: &'static str,
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// True or false.
    Bool,
    /// A whole number.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A path; relative ones belong to the file's folder.
    Path,
    /// A size: bytes or a part of the disk.
    Size,
    /// An amount of dollars.
    Usd,
    /// Text.
    Text,
}

/// Every key, sorted by name.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "cache.ceiling",
        kind: Kind::Size,
        env: Some("FENTA_CACHE_CEILING"),
        default: "60%",
        user_only: true,
        doc: "Size above which the cache is cleared, as bytes or a part of the disk.",
    },
    Key {
        name: "cache.floor",
        kind: Kind::Size,
        env: Some("FENTA_CACHE_FLOOR"),
        default: "10%",
        user_only: true,
        doc: "Size below which the cache is never cleared by itself.",
    },
    Key {
        name: "cache.grace_seconds",
        kind: Kind::Int {
            min: 0,
            max: 31_536_000,
        },
        env: Some("FENTA_CACHE_GRACE_SECS"),
        default: "600",
        user_only: true,
        doc: "Seconds for which what is to be cleared is left for somebody to use it.",
    },
    Key {
        name: "cache.min_free",
        kind: Kind::Size,
        env: Some("FENTA_CACHE_MIN_FREE"),
        default: "5%",
        user_only: true,
        doc: "Free space the cache tries to leave to others; it does not go below its floor for it.",
    },
    Key {
        name: "daemon.idle_exit_seconds",
        kind: Kind::Int {
            min: 0,
            max: 31_536_000,
        },
        env: Some("FENTA_IDLE_EXIT_SECS"),
        default: "900",
        user_only: false,
        doc: "Seconds without work after which the daemon leaves; 0 means never.",
    },
    Key {
        name: "daemon.jobs",
        kind: Kind::Int { min: 1, max: 1024 },
        env: Some("FENTA_JOBS"),
        default: "the number of processors",
        user_only: false,
        doc: "Workers the daemon runs at the same time.",
    },
    Key {
        name: "daemon.listen",
        kind: Kind::Text,
        env: Some("FENTA_LISTEN"),
        default: "off",
        user_only: true,
        doc: "Address of this machine where the daemon listens for TCP too, such as 127.0.0.1:7788; programs need its token.",
    },
    Key {
        name: "daemon.log",
        kind: Kind::Text,
        env: Some("FENTA_LOG"),
        default: "info",
        user_only: false,
        doc: "How much the daemon writes into its log: error, warn, info, debug, trace, or a filter by module.",
    },
    Key {
        name: "daemon.program",
        kind: Kind::Path,
        env: Some("FENTA_FENTAD"),
        default: "beside fenta, then on PATH",
        user_only: true,
        doc: "The daemon's program.",
    },
    Key {
        name: "daemon.socket",
        kind: Kind::Path,
        env: Some("FENTA_SOCKET"),
        default: "$XDG_RUNTIME_DIR/fenta/fentad.sock",
        user_only: true,
        doc: "The daemon's socket.",
    },
    Key {
        name: "daemon.state_dir",
        kind: Kind::Path,
        env: Some("FENTA_STATE_DIR"),
        default: "$XDG_STATE_HOME/fenta or ~/.local/state/fenta",
        user_only: true,
        doc: "The folder of the daemon's state.",
    },
    Key {
        name: "output.dir",
        kind: Kind::Path,
        env: Some("FENTA_OUT"),
        default: "the folder the command is given in",
        user_only: false,
        doc: "Folder that relative paths of results belong to.",
    },
    Key {
        name: "plan.tier",
        kind: Kind::Choice(&["free", "starter", "pro", "enterprise"]),
        env: None,
        default: "none: what a schedule needs is told beside what Free has",
        user_only: true,
        doc: "The tier of your hosted account: a schedule that needs more than it has is warned of.",
    },
    Key {
        name: "render.program",
        kind: Kind::Path,
        env: Some("FENTA_RENDER"),
        default: "beside fenta, then on PATH",
        user_only: true,
        doc: "The renderer's program.",
    },
    Key {
        name: "spending.day_usd",
        kind: Kind::Usd,
        env: None,
        default: "no limit",
        user_only: true,
        doc: "Dollars that all jobs together may spend in a day, for example 2.50.",
    },
    Key {
        name: "spending.month_usd",
        kind: Kind::Usd,
        env: None,
        default: "no limit",
        user_only: true,
        doc: "Dollars that all jobs together may spend in a month, for example 20.",
    },
    Key {
        name: "ui.ci",
        kind: Kind::Bool,
        env: Some("CI"),
        default: "false",
        user_only: false,
        doc: "Plain lines, no bars, no questions.",
    },
    Key {
        name: "ui.color",
        kind: Kind::Choice(&["auto", "never", "always"]),
        env: None,
        default: "auto",
        user_only: false,
        doc: "Colour: on terminals, never or always. NO_COLOR and CLICOLOR_FORCE win.",
    },
    Key {
        name: "ui.no_input",
        kind: Kind::Bool,
        env: Some("FENTA_NO_INPUT"),
        default: "false",
        user_only: false,
        doc: "Never ask questions, even on a terminal.",
    },
];

/// The key with this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

impl Key {
    /// Why a text cannot be the value; `None` when it can.
    pub(crate) fn complaint(&self, value: &str) -> Option<String> {
        let fits = match self.kind {
            Kind::Choice(words) => words.contains(&value),
            Kind::Bool => matches!(value, "true" | "false"),
            Kind::Int { min, max } => value
                .parse::<i64>()
                .is_ok_and(|number| (min..=max).contains(&number)),
            Kind::Size => value.parse::<CacheBound>().is_ok(),
            Kind::Usd => value
                .parse::<Decimal>()
                .is_ok_and(|amount| !amount.is_sign_negative() && amount.normalize().scale() <= 6),
            Kind::Path | Kind::Text => !value.trim().is_empty(),
        };
        (!fits).then(|| format!("`{}` must be {}", self.name, self.wanted()))
    }

    /// What it holds, in words.
    pub(crate) fn wanted(&self) -> String {
        match self.kind {
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Bool => "true or false".to_owned(),
            Kind::Int { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Path => "a path".to_owned(),
            Kind::Size => "a size such as 60%, 500MB or 20GB".to_owned(),
            Kind::Usd => {
                "an amount of dollars with at most six decimals, for example 20 or 2.50".to_owned()
            }
            Kind::Text => "a text".to_owned(),
        }
    }

    /// Whether the owner of a file may set it.
    pub(crate) const fn may_be_set_by(&self, owner: Owner) -> bool {
        !(self.user_only && matches!(owner, Owner::Project))
    }
}

/// The JSON Schema of the files.
pub(crate) fn schema() -> Json {
    let mut sections: Map<String, Json> = Map::new();
    for key in KEYS {
        let Some((section, name)) = key.name.split_once('.') else {
            continue;
        };
        let entry = sections.entry(section).or_insert_with(
            || json!({ "type": "object", "additionalProperties": false, "properties": {} }),
        );
        let mut value = match key.kind {
            Kind::Choice(words) => json!({ "type": "string", "enum": words }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Usd => json!({ "type": ["string", "number"], "minimum": 0 }),
            Kind::Path | Kind::Size | Kind::Text => json!({ "type": "string", "minLength": 1 }),
        };
        let whose = if key.user_only {
            " Only in the user's file."
        } else {
            ""
        };
        value["description"] = json!(format!("{} Default: {}.{whose}", key.doc, key.default));
        entry["properties"][name] = value;
    }
    sections.insert("providers".to_owned(), providers());
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Fenta settings",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
    })
}

/// The part that the daemon reads: a table for each vendor. Only it knows their names.
fn providers() -> Json {
    let text = |doc: &str| json!({ "type": "string", "minLength": 1, "description": doc });
    json!({
        "type": "object",
        "description": "Vendors and servers of yours that can be asked, by name. Only in the user's file.",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "base_url": text("Where it answers, when that is not its usual address."),
                "enabled": { "type": "boolean", "description": "Whether it may be asked. Default: true." },
                "models": {
                    "type": "object",
                    "additionalProperties": { "type": "string", "minLength": 1 },
                    "description": "The model that is meant where only the vendor is named, by role."
                },
                "hosts": {
                    "type": "array",
                    "items": { "type": "string", "minLength": 1 },
                    "description": "Hosts of your own network that its answers may name."
                },
                "timeout_seconds": {
                    "type": "integer", "minimum": 1, "maximum": 3600,
                    "description": "Seconds its work may take. Default: 600."
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_said_in_sentences() {
        assert!(KEYS.is_sorted_by_key(|key| key.name));
        for key in KEYS {
            assert!(key.doc.ends_with('.'), "{}", key.name);
            assert_eq!(key.name.matches('.').count(), 1, "{}", key.name);
        }
    }

    #[test]
    fn values_are_held_to_what_the_key_takes() {
        let complaint = |name, value| find(name).unwrap().complaint(value);
        assert_eq!(complaint("daemon.jobs", "4"), None);
        assert_eq!(
            complaint("daemon.jobs", "0").unwrap(),
            "`daemon.jobs` must be a whole number from 1 to 1024"
        );
        assert!(
            complaint("ui.color", "sometimes")
                .unwrap()
                .contains("auto, never")
        );
        assert!(complaint("ui.ci", "yes").is_some());
        assert_eq!(complaint("cache.floor", "1.5GiB"), None);
        assert!(complaint("cache.floor", "lots").unwrap().contains("500MB"));
        assert!(complaint("render.program", " ").is_some());
    }

    #[test]
    fn every_key_is_in_the_schema() {
        let schema = schema();
        for key in KEYS {
            let (section, name) = key.name.split_once('.').unwrap();
            let value = &schema["properties"][section]["properties"][name];
            assert!(value["description"].is_string(), "{}", key.name);
        }
    }
}

//! The map of `notify` in a schedule or a watch: who is told how runs end.
//!
//! Neighbours: `settings` holds what is read and says which addresses may be called.

use super::keys::{NOTIFY_KEYS, NOTIFY_ON};
use super::settings::{Notify, NotifyOn};
use super::shape::{bad, boolean, check_keys, find, map, text, texts};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::suggest::nearest;
use crate::syntax::Entry;

/// What `notify` says; nobody is told where it is wrong.
pub(super) fn notify(entry: &Entry, found: &mut Diagnostics) -> Notify {
    let Some(entries) = map(&entry.value, "`notify`", found) else {
        return Notify::default();
    };
    check_keys(entries, "`notify`", &NOTIFY_KEYS, &[], found);
    let mut notify = Notify::default();
    for inner in entries {
        match inner.key.as_str() {
            "webhook" => notify.webhook = text(inner, found),
            "secret_ref" => notify.secret_ref = text(inner, found),
            "desktop" => notify.desktop = boolean(inner, found).unwrap_or_default(),
            "on" => notify.on = events(inner, found),
            _ => {}
        }
    }
    let place = ["webhook", "secret_ref"]
        .iter()
        .find_map(|key| find(entries, key));
    if let (Some((message, hint)), Some(at)) = (notify.complaint(), place) {
        bad(&at.value, message, hint, found);
        return Notify::default();
    }
    let tells = find(entries, "webhook").is_some() || find(entries, "desktop").is_some();
    if !tells {
        let complaint = "`notify` tells nobody";
        found.push(
            Diagnostic::error(codes::SETTING, entry.key_span, complaint)
                .hint("write `webhook: https://…`, `desktop: true` or both"),
        );
    }
    notify
}

fn events(entry: &Entry, found: &mut Diagnostics) -> Vec<NotifyOn> {
    const EXAMPLE: &str = "`on: [completed, failed]`";
    let mut events = Vec::new();
    for (word, node) in texts(entry, EXAMPLE, found) {
        let event = match word {
            "completed" => NotifyOn::Completed,
            "failed" => NotifyOn::Failed,
            "paused" => NotifyOn::Paused,
            _ => {
                let near = nearest(word, NOTIFY_ON.iter().copied());
                let diagnostic = Diagnostic::error(
                    codes::SETTING,
                    node.span,
                    format!("nobody can be told of `{word}`"),
                )
                .suggest(near, node.span);
                found.push(match near {
                    Some(_) => diagnostic,
                    None => diagnostic.hint(format!("write any of `{}`", NOTIFY_ON.join("`, `"))),
                });
                continue;
            }
        };
        if !events.contains(&event) {
            events.push(event);
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{self, Kind};

    fn read(text: &str) -> (Notify, Diagnostics) {
        let mut found = Diagnostics::new();
        let tree = syntax::load(text, &mut found).unwrap();
        let Kind::Map(entries) = &tree.kind else {
            panic!("the test's YAML is a map")
        };
        (notify(&entries[0], &mut found), found)
    }

    #[test]
    fn somebody_is_told_of_failures_and_pauses_unless_it_says_otherwise() {
        let (usual, found) = read("notify: { webhook: \"https://example.org/h\", secret_ref: my }");
        assert!(found.is_empty(), "{found}");
        assert_eq!(usual.secret_ref.as_deref(), Some("my"));
        for (what, wanted) in [
            (NotifyOn::Completed, false),
            (NotifyOn::Failed, true),
            (NotifyOn::Paused, true),
        ] {
            assert_eq!(usual.wants(what), wanted, "{what:?}");
        }
        let (good, found) = read("notify: { desktop: true, on: [completed, completed] }");
        assert!(found.is_empty(), "{found}");
        assert!(good.wants(NotifyOn::Completed) && !good.wants(NotifyOn::Failed));
        assert!(!Notify::default().wants(NotifyOn::Failed));
    }

    #[test]
    fn slips_are_found_each() {
        for (text, part) in [
            ("notify: yes", "must be a map"),
            ("notify: {}", "tells nobody"),
            ("notify: { on: failed }", "tells nobody"),
            (
                "notify: { webhook: \"ftp://example.org\" }",
                "is no address",
            ),
            ("notify: { webhook: \"http://example.org\" }", "in the open"),
            (
                "notify: { secret_ref: my, desktop: true }",
                "and there is none",
            ),
            ("notify: { desktop: true, on: fialed }", "told of `fialed`"),
            ("notify: { desktop: true, mail: a }", "no key `mail`"),
        ] {
            let (_, found) = read(text);
            assert_eq!(found.len(), 1, "{text}: {found}");
            assert!(found.to_string().contains(part), "{text}: {found}");
        }
    }
}

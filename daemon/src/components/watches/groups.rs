//! Which files make one run together, and when all of them are there. Pure.

use std::collections::BTreeMap;

use fenta_client::api::watches::{FileState, GroupBy, WatchRule};

use super::names::Names;
use super::sidecar;
use crate::store::WatchFileRecord;

/// Files that make one run, in the order of `requires`, then of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) paths: Vec<String>,
    /// What keeps it from being read; nothing where it may.
    pub(super) waits: Option<String>,
}

/// The extension of a file name in small letters, without its dot.
pub(super) fn extension(name: &str) -> Option<String> {
    let (stem, end) = name.rsplit_once('.')?;
    (!stem.is_empty() && !end.contains('/')).then(|| end.to_lowercase())
}

/// The units with a file to be read.
pub(super) fn units(rule: &WatchRule, names: &Names, files: &[WatchFileRecord]) -> Vec<Unit> {
    let is_to_read =
        |file: &WatchFileRecord| matches!(file.state, FileState::Probing | FileState::Ready);
    let Some(group_by) = rule.group_by else {
        let one = |file: &WatchFileRecord| Unit {
            paths: vec![file.path.clone()],
            waits: None,
        };
        return files
            .iter()
            .filter(|file| is_to_read(file))
            .map(one)
            .collect();
    };
    let mut groups: BTreeMap<String, Vec<&WatchFileRecord>> = BTreeMap::new();
    for file in files {
        groups
            .entry(key(group_by, &file.path))
            .or_default()
            .push(file);
    }
    groups
        .into_iter()
        .filter(|(_, group)| group.iter().any(|file| is_to_read(file)))
        .map(|(key, mut group)| {
            group.sort_by_key(|file| {
                let end = extension(&file.path).unwrap_or_default();
                let place = rule.requires.iter().position(|one| *one == end);
                (
                    sidecar::is_one(&file.path),
                    place.unwrap_or(usize::MAX),
                    file.path.clone(),
                )
            });
            Unit {
                paths: group.iter().map(|file| file.path.clone()).collect(),
                waits: waits(rule, names, group_by, &key, &group),
            }
        })
        .collect()
}

fn key(group_by: GroupBy, path: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match group_by {
        GroupBy::Folder => folder.to_owned(),
        GroupBy::Stem => match extension(path) {
            Some(end) => path[..path.len() - end.len() - 1].to_owned(),
            None => path.to_owned(),
        },
    }
}

fn waits(
    rule: &WatchRule,
    names: &Names,
    group_by: GroupBy,
    key: &str,
    group: &[&WatchFileRecord],
) -> Option<String> {
    if group_by == GroupBy::Folder && key.is_empty() {
        return Some("`group_by: folder` takes files of folders below the watched one".to_owned());
    }
    let open = |file: &&&WatchFileRecord| {
        matches!(
            file.state,
            FileState::Seen | FileState::Growing | FileState::Settling
        )
    };
    if let Some(file) = group.iter().find(open) {
        return Some(format!("waits for {}, which is not whole yet", file.path));
    }
    let missing = rule.requires.iter().find(|wanted| {
        let is = |file: &&WatchFileRecord| extension(&file.path).as_ref() == Some(wanted);
        !group.iter().any(is)
    });
    if let Some(missing) = missing {
        return Some(format!("waits for a .{missing} of its group (`requires`)"));
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let has_any = group
        .iter()
        .map(|file| &file.path)
        .any(|path| !sidecar::is_one(path) && !sidecar::is_marker(path) && names.fits(&name(path)));
    (!has_any).then(|| "waits for a file that fits `match`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::watches::testing::{file, rule};

    fn units_of(
        change: impl FnOnce(&mut WatchRule),
        files: &[(&str, FileState)],
    ) -> Vec<(String, Option<String>)> {
        let mut rule = rule(std::path::Path::new("/nowhere"));
        change(&mut rule);
        let (names, _) = Names::read(&rule, None);
        let files: Vec<WatchFileRecord> = files
            .iter()
            .map(|(path, state)| file(path, *state))
            .collect();
        units(&rule, &names, &files)
            .into_iter()
            .map(|unit| (unit.paths.join(" "), unit.waits))
            .collect()
    }

    use FileState::{Probing, Queued, Ready, Settling};

    #[test]
    fn without_groups_every_file_is_one() {
        let found = units_of(
            |_| {},
            &[("a.md", Probing), ("b.md", Queued), ("c.md", Settling)],
        );
        assert_eq!(found, [("a.md".to_owned(), None)]);
    }

    #[test]
    fn a_group_waits_until_all_it_needs_is_whole() {
        let by_stem = |rule: &mut WatchRule| {
            rule.group_by = Some(GroupBy::Stem);
            rule.matches = vec!["*.mp4".into()];
            rule.requires = vec!["mp4".into(), "srt".into()];
        };
        for (files, wanted) in [
            (&[("x/a.mp4", Ready)][..], Some("waits for a .srt")),
            (
                &[("x/a.mp4", Ready), ("x/a.srt", Settling)],
                Some("not whole yet"),
            ),
            (&[("x/a.mp4", Ready), ("x/a.srt", Probing)], None),
            (
                &[("x/a.mp4", Ready), ("y/a.srt", Queued)],
                Some("waits for a .srt"),
            ),
        ] {
            let found = units_of(by_stem, files);
            let waits = found[0].1.as_deref();
            assert_eq!(waits.is_some(), wanted.is_some(), "{found:?}");
            assert!(
                waits
                    .unwrap_or_default()
                    .contains(wanted.unwrap_or_default()),
                "{found:?}"
            );
        }
        let found = units_of(
            by_stem,
            &[("a.srt", Ready), ("a.mp4", Ready), ("a.yaml", Ready)],
        );
        assert_eq!(found, [("a.mp4 a.srt a.yaml".to_owned(), None)]);
    }

    #[test]
    fn folders_are_groups_below_the_watched_one() {
        let by_folder = |rule: &mut WatchRule| rule.group_by = Some(GroupBy::Folder);
        let files = [
            ("top.md", Probing),
            ("x/a.md", Probing),
            ("x/b.md", Queued),
            ("y/c.md", Queued),
        ];
        let found = units_of(by_folder, &files);
        assert_eq!(found.len(), 2);
        assert!(
            found[0]
                .1
                .as_deref()
                .unwrap()
                .contains("below the watched one")
        );
        assert_eq!(found[1], ("x/a.md x/b.md".to_owned(), None));
    }
}

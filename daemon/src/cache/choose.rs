//! What goes first. Pure.
//!
//! What nobody refers to goes before everything, what a provider was paid for after everything. Between them the order
//! is the time it takes to make a result again per byte it holds, which halves with every week without use: a large
//! file that is made in a second goes before a small one that took an hour, and yesterday's before last month's stays.
//! What is pinned, and what jobs need, is not on the list.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use fenta_workflows::digest::Digest;

use super::inventory::{Inventory, is_paid, millis};

/// Without use for so long, a result is worth half.
const HALF_LIFE_MS: f64 = 7.0 * 86_400_000.0;

/// Copying a file into the store again: milliseconds per MiB.
const COPY_MS_PER_MIB: f64 = 5.0;

const MIB: f64 = 1_048_576.0;

/// A blob that goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Victim {
    pub(super) blob: Digest,
    /// The most valuable result it is part of.
    pub(super) kind: String,
    pub(super) made_ms: u64,
    pub(super) last_used: Option<String>,
    pub(super) paid: bool,
}

/// What goes, first to go first.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) victims: Vec<Victim>,
    pub(super) freed: u64,
}

/// Why things go in the order they do.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Worth {
    class: Class,
    /// Milliseconds of work per MiB, faded.
    keep: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Loose,
    Made,
    Paid,
}

impl Worth {
    fn order(&self, other: &Self) -> Ordering {
        self.class
            .cmp(&other.class)
            .then(self.keep.total_cmp(&other.keep))
    }
}

enum Candidate {
    /// A result, by its place in the inventory.
    Row(usize),
    /// A blob without results, by its place.
    Blob(usize),
}

/// Chooses blobs until at most `target` bytes are left.
pub(super) fn choose(inventory: &Inventory, target: u64) -> Choice {
    let owners = inventory.owners();
    let there: HashMap<Digest, usize> = inventory
        .blobs
        .iter()
        .enumerate()
        .map(|(number, blob)| (blob.digest, number))
        .collect();
    let mut left: HashMap<Digest, usize> = owners
        .iter()
        .map(|(blob, rows)| (*blob, rows.len()))
        .collect();
    let used = inventory.used();
    let mut choice = Choice::default();
    for (worth, candidate) in candidates(inventory, &owners) {
        if used.saturating_sub(choice.freed) <= target {
            break;
        }
        match candidate {
            Candidate::Blob(number) => {
                let blob = inventory.blobs[number].digest;
                let copy = inventory.copies.contains_key(&blob);
                choice.take(Victim {
                    blob,
                    kind: if copy { "copy" } else { "loose" }.to_owned(),
                    made_ms: if copy { copy_ms(blob.size) } else { 0 },
                    last_used: None,
                    paid: false,
                });
            }
            Candidate::Row(number) => {
                let row = &inventory.rows[number];
                let blobs: HashSet<Digest> = row.outputs.values().copied().collect();
                for blob in blobs {
                    let others = left.entry(blob).or_insert(1);
                    *others -= 1;
                    // A blob goes with the last of the results it is part of.
                    if *others == 0 && there.contains_key(&blob) {
                        choice.take(Victim {
                            blob,
                            kind: row.kind.clone(),
                            made_ms: row.wall_ms,
                            last_used: Some(row.last_used.clone()),
                            paid: worth.class == Class::Paid,
                        });
                    }
                }
            }
        }
    }
    choice
}

/// The places of results in the order they would go; what may not go is not among them.
pub(super) fn order_of_rows(inventory: &Inventory) -> Vec<usize> {
    let owners = inventory.owners();
    candidates(inventory, &owners)
        .into_iter()
        .filter_map(|(_, candidate)| match candidate {
            Candidate::Row(number) => Some(number),
            Candidate::Blob(_) => None,
        })
        .collect()
}

fn candidates(
    inventory: &Inventory,
    owners: &HashMap<Digest, Vec<usize>>,
) -> Vec<(Worth, Candidate)> {
    let rows = inventory
        .rows
        .iter()
        .enumerate()
        .filter_map(|(number, row)| {
            let stays = inventory.pinned.contains(&row.digest) || inventory.is_held(row);
            let bytes: u64 = row.outputs.values().map(|blob| blob.size).sum();
            // Facts without blobs take no room.
            if stays || bytes == 0 {
                return None;
            }
            let worth = Worth {
                class: if is_paid(&row.kind) {
                    Class::Paid
                } else {
                    Class::Made
                },
                keep: faded(
                    row.wall_ms as f64 * MIB / bytes as f64,
                    inventory.now_ms - millis(&row.last_used),
                ),
            };
            Some((worth, Candidate::Row(number)))
        });
    let loose = inventory
        .blobs
        .iter()
        .enumerate()
        .filter_map(|(number, blob)| {
            if owners.contains_key(&blob.digest) || inventory.held.contains(&blob.digest) {
                return None;
            }
            let copy = inventory.copies.contains_key(&blob.digest);
            let worth = Worth {
                class: if copy { Class::Made } else { Class::Loose },
                keep: faded(COPY_MS_PER_MIB, inventory.now_ms - blob.came_ms),
            };
            Some((worth, Candidate::Blob(number)))
        });
    let mut all: Vec<(Worth, Candidate)> = rows.chain(loose).collect();
    // Stable: equal ones stay in the order of their names.
    all.sort_by(|(one, _), (other, _)| one.order(other));
    all
}

fn faded(keep: f64, age_ms: i64) -> f64 {
    keep * 0.5_f64.powf(age_ms.max(0) as f64 / HALF_LIFE_MS)
}

fn copy_ms(bytes: u64) -> u64 {
    (bytes as f64 / MIB * COPY_MS_PER_MIB) as u64
}

impl Choice {
    fn take(&mut self, victim: Victim) {
        self.freed += victim.blob.size;
        self.victims.push(victim);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::store::{CacheRow, Cas, StoredBlob};

    const DAY: i64 = 86_400_000;
    const NOW: i64 = 1_800_000_000_000;

    fn blob(name: u8, size: u64) -> Digest {
        Digest {
            hash: [name; 32],
            size,
        }
    }

    fn at(ms: i64) -> String {
        jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
    }

    fn row(kind: &str, outputs: &[Digest], wall_ms: u64, days_ago: i64) -> CacheRow {
        CacheRow {
            digest: format!("{kind}-{}", outputs[0].hex()),
            kind: kind.to_owned(),
            outputs: outputs
                .iter()
                .enumerate()
                .map(|(number, blob)| (format!("o{number}"), *blob))
                .collect::<BTreeMap<_, _>>(),
            wall_ms,
            made_at: at(NOW - days_ago * DAY),
            last_used: at(NOW - days_ago * DAY),
        }
    }

    fn inventory(rows: Vec<CacheRow>, loose: &[Digest]) -> Inventory {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(&folder.path().join("c"), &folder.path().join("t")).unwrap();
        let mut names: Vec<Digest> = rows
            .iter()
            .flat_map(|row| row.outputs.values().copied())
            .chain(loose.iter().copied())
            .collect();
        names.sort();
        names.dedup();
        Inventory {
            moment: cas.moment(),
            now_ms: NOW,
            blobs: names
                .into_iter()
                .map(|digest| StoredBlob {
                    digest,
                    came_ms: NOW - DAY,
                })
                .collect(),
            rows,
            copies: HashMap::new(),
            pinned: HashSet::new(),
            open: HashSet::new(),
            held: HashSet::new(),
        }
    }

    fn order(inventory: &Inventory) -> Vec<u8> {
        let chosen = choose(inventory, 0);
        chosen.victims.iter().map(|v| v.blob.hash[0]).collect()
    }

    #[test]
    fn loose_blobs_go_first_then_what_is_cheap_to_make_and_paid_results_last() {
        let mib = 1 << 20;
        let cheap = row("mux", &[blob(1, 100 * mib)], 1_000, 0);
        let dear = row("speak", &[blob(2, mib)], 60_000, 0);
        let old = row("speak", &[blob(3, mib)], 60_000, 60);
        let paid = row("invoke", &[blob(4, 50 * mib)], 10, 300);
        let found = inventory(vec![dear, paid, old, cheap], &[blob(9, 5)]);
        // 60 s per MiB are worth 159 ms after sixty days, which is still more than 10 ms per MiB.
        assert_eq!(order(&found), [9, 1, 3, 2, 4]);
    }

    #[test]
    fn it_ends_as_soon_as_enough_has_gone() {
        let rows = (1..=5).map(|name| row("mux", &[blob(name, 100)], 1, i64::from(10 - name)));
        let found = inventory(rows.collect(), &[]);
        let chosen = choose(&found, 250);
        assert_eq!((chosen.victims.len(), chosen.freed), (3, 300));
        assert_eq!(choose(&found, 500).victims, []);
    }

    #[test]
    fn what_is_pinned_held_or_shared_with_such_stays() {
        let shared = blob(1, 100);
        let pinned = row("speak", &[shared], 5, 300);
        let other = row("mux", &[shared, blob(2, 100)], 5, 300);
        let open = row("mix", &[blob(3, 100)], 5, 300);
        let mut found = inventory(
            vec![pinned.clone(), other, open.clone()],
            &[blob(4, 7), blob(5, 7)],
        );
        found.pinned.insert(pinned.digest);
        found.open.insert(open.digest);
        found.held.insert(blob(4, 7));
        assert_eq!(order(&found), [5, 2]);
    }

    #[test]
    fn copies_of_files_are_as_cheap_as_copying() {
        let mib = 1 << 20;
        let quick = row("mux", &[blob(1, mib)], 1, 1);
        let slow = row("speak", &[blob(2, mib)], 50, 1);
        let mut found = inventory(vec![quick, slow], &[blob(3, mib)]);
        found.copies.insert(blob(3, mib), "/a.mp4".to_owned());
        assert_eq!(order(&found), [1, 3, 2]);
    }

    proptest! {
        #[test]
        fn whatever_there_is_paid_results_go_last_and_no_more_goes_than_must(
            sizes in prop::collection::vec((1u64..1000, 0u64..5000, 0i64..100, any::<bool>()), 1..40),
            target in 0u64..20_000,
        ) {
            let rows = sizes.iter().enumerate().map(|(n, (size, wall, days, paid))| {
                let kind = if *paid { "invoke" } else { "mux" };
                row(kind, &[blob(u8::try_from(n).unwrap(), *size)], *wall, *days)
            });
            let found = inventory(rows.collect(), &[]);
            let used = found.used();
            let chosen = choose(&found, target);
            let first_paid = chosen.victims.iter().position(|v| v.paid);
            if let Some(first) = first_paid {
                prop_assert!(chosen.victims[first..].iter().all(|v| v.paid));
                let unpaid = sizes.iter().filter(|(_, _, _, paid)| !paid).count();
                prop_assert_eq!(first, unpaid, "nothing unpaid is left");
            }
            prop_assert!(used - chosen.freed <= target || chosen.victims.len() == sizes.len());
            if let Some(last) = chosen.victims.last() {
                prop_assert!(used - (chosen.freed - last.blob.size) > target);
            }
        }
    }
}

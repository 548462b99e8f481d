//! The states of a file up to the point where its content is known. Pure: what was known and what was seen in, what is
//! known then out.
//!
//! `seen -> growing -> settling -> probing`; only a whole file that has not changed for long enough gets to `probing`, where
//! it is read. Whatever changes begins anew at `growing`.

use fenta_client::api::watches::FileState;
use jiff::{SignedDuration, Timestamp};

use super::scan::Found;
use crate::clock::timestamp_text;
use crate::store::WatchFileRecord;

/// How long a file must have been quiet, and whose clock says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet {
    pub(super) settle: SignedDuration,
    /// Whether the file system's clock is this machine's.
    pub(super) is_local: bool,
}

/// What is known of a file after a look at it; nothing where that is what was known before.
pub(super) fn step(
    known: Option<&WatchFileRecord>,
    path: &str,
    found: &Found,
    now: Timestamp,
    quiet: Quiet,
) -> Option<WatchFileRecord> {
    let record = |state| WatchFileRecord {
        path: path.to_owned(),
        state,
        reason: String::new(),
        stamp: found.stamp.clone(),
        size: found.size,
        since: timestamp_text(now),
        content: None,
        initial: false,
    };
    let Some(known) = known else {
        return Some(record(FileState::Seen));
    };
    if known.stamp != found.stamp {
        return Some(record(FileState::Growing));
    }
    let next = match known.state {
        FileState::Seen | FileState::Growing => FileState::Settling,
        FileState::Settling if is_quiet(known, found, now, quiet) => FileState::Probing,
        _ => return None,
    };
    Some(WatchFileRecord {
        state: next,
        reason: String::new(),
        ..known.clone()
    })
}

/// A local file's own time of change is to be trusted, unless it lies ahead of the clock; else it is the time since which
/// this machine saw it unchanged.
fn is_quiet(known: &WatchFileRecord, found: &Found, now: Timestamp, quiet: Quiet) -> bool {
    let seen = known.since.parse().unwrap_or(now);
    let since = if quiet.is_local && found.changed <= now {
        found.changed
    } else {
        seen
    };
    now.duration_since(since) >= quiet.settle
}

/// Whether the bytes of a file say that it is not whole yet; only what can be told for sure. A film of the MP4 family is a
/// row of boxes (ISO/IEC 14496-12, 4.2) that ends where the file does, one of which is `moov`.
pub(super) fn is_cut_short(
    name: &str,
    size: u64,
    mut read_at: impl FnMut(u64, &mut [u8]) -> bool,
) -> Option<&'static str> {
    let low = name.to_lowercase();
    if ![".mp4", ".m4v", ".mov", ".m4a"]
        .iter()
        .any(|ending| low.ends_with(ending))
    {
        return None;
    }
    let mut at = 0;
    let mut has_moov = false;
    while at < size {
        let mut head = [0; 16];
        let mut length = 8;
        if !read_at(at, &mut head[..8]) {
            return Some("it ends within a box");
        }
        let short = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        if at == 0
            && !head[4..8]
                .iter()
                .all(|byte| byte.is_ascii_graphic() || *byte == b' ')
        {
            // Not of this family after all: whoever reads it will say so.
            return None;
        }
        has_moov |= &head[4..8] == b"moov";
        match short {
            0 => length = size - at,
            1 => {
                if !read_at(at, &mut head) {
                    return Some("it ends within a box");
                }
                let mut long = [0; 8];
                long.copy_from_slice(&head[8..]);
                length = u64::from_be_bytes(long).max(16);
            }
            short => length = length.max(u64::from(short)),
        }
        at = at.saturating_add(length);
    }
    if at != size {
        return Some("it is shorter than it says");
    }
    (!has_moov).then_some("its index (moov) is not written yet")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(stamp: &str, changed: i64) -> Found {
        Found {
            stamp: stamp.to_owned(),
            size: 3,
            changed: at(changed),
            identity: (1, 1),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_000_000_000 + millis).unwrap()
    }

    const LOCAL: Quiet = Quiet {
        settle: SignedDuration::from_secs(2),
        is_local: true,
    };

    /// The states of a file over looks at (time, stamp, time of its change), milliseconds.
    fn states(quiet: Quiet, looks: &[(i64, &str, i64)]) -> Vec<FileState> {
        let mut known: Option<WatchFileRecord> = None;
        looks
            .iter()
            .map(|(now, stamp, changed)| {
                let next = step(
                    known.as_ref(),
                    "a",
                    &found(stamp, *changed),
                    at(*now),
                    quiet,
                );
                known = next.or(known.clone());
                known.as_ref().unwrap().state
            })
            .collect()
    }

    use FileState::{Growing, Probing, Seen, Settling};

    #[test]
    fn a_file_is_read_when_it_was_quiet_for_long_enough() {
        let looks = [(0, "1", 0), (250, "1", 0), (1_900, "1", 0), (2_000, "1", 0)];
        assert_eq!(states(LOCAL, &looks), [Seen, Settling, Settling, Probing]);
        let grows = [
            (0, "1", 0),
            (1_000, "2", 900),
            (2_000, "3", 1_900),
            (2_250, "3", 1_900),
            (3_800, "3", 1_900),
            (3_900, "3", 1_900),
        ];
        let wanted = [Seen, Growing, Growing, Settling, Settling, Probing];
        assert_eq!(states(LOCAL, &grows), wanted);
    }

    #[test]
    fn a_file_that_was_there_long_before_needs_two_looks() {
        let looks = [(0, "1", -60_000), (250, "1", -60_000), (500, "1", -60_000)];
        assert_eq!(states(LOCAL, &looks), [Seen, Settling, Probing]);
    }

    #[test]
    fn clocks_elsewhere_and_times_ahead_prove_nothing() {
        let far = Quiet {
            is_local: false,
            ..LOCAL
        };
        let looks = [
            (0, "1", -60_000),
            (250, "1", -60_000),
            (500, "1", -60_000),
            (2_000, "1", -60_000),
        ];
        assert_eq!(states(far, &looks), [Seen, Settling, Settling, Probing]);
        let ahead = [
            (0, "1", 90_000),
            (250, "1", 90_000),
            (1_999, "1", 90_000),
            (2_000, "1", 90_000),
        ];
        assert_eq!(states(LOCAL, &ahead), [Seen, Settling, Settling, Probing]);
    }

    #[test]
    fn a_change_begins_anew_from_wherever_it_was() {
        for state in [
            FileState::Queued,
            FileState::Dup,
            FileState::Ignored,
            Probing,
        ] {
            let known = WatchFileRecord {
                path: "a".into(),
                state,
                reason: "r".into(),
                stamp: "1".into(),
                size: 3,
                since: timestamp_text(at(0)),
                content: Some("c".into()),
                initial: true,
            };
            let same = step(Some(&known), "a", &found("1", 0), at(9_000), LOCAL);
            assert_eq!(same, None, "{state:?}");
            let next = step(Some(&known), "a", &found("2", 0), at(9_000), LOCAL).unwrap();
            assert_eq!(
                (next.state, next.content, next.initial),
                (Growing, None, false)
            );
        }
    }

    fn cut_short(name: &str, bytes: &[u8]) -> Option<&'static str> {
        is_cut_short(name, bytes.len() as u64, |at, into| {
            let at = usize::try_from(at).unwrap();
            let part = bytes.get(at..at + into.len());
            part.map(|part| into.copy_from_slice(part)).is_some()
        })
    }

    #[test]
    fn films_without_their_index_are_not_whole() {
        let part = |name: &[u8; 4], length: u32| {
            let mut part = length.to_be_bytes().to_vec();
            part.extend(name);
            part.resize(length as usize, 0);
            part
        };
        let mut whole = part(b"ftyp", 24);
        whole.extend(part(b"mdat", 100));
        assert!(cut_short("a.mp4", &whole).unwrap().contains("moov"));
        whole.extend(part(b"moov", 40));
        assert_eq!(cut_short("a.mp4", &whole), None);
        assert!(cut_short("a.MOV", &whole[..whole.len() - 1]).is_some());
        assert!(cut_short("a.mp4", &whole[..100]).is_some());
        assert_eq!(cut_short("a.md", b"text"), None);
        assert_eq!(cut_short("a.mp4", b"\0\0\0\0\0\0\0\0\0"), None);
        let mut long = 1u32.to_be_bytes().to_vec();
        long.extend(b"moov");
        long.extend(16u64.to_be_bytes());
        assert_eq!(cut_short("a.mp4", &long), None);
    }
}

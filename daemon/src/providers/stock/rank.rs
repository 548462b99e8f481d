//! Which clip fits, which fits best, and which of its files is enough. Pure.

use fenta_workflows::action::FindStockTask;

use super::{Candidate, Kind, Offered};

/// A clip of which the library says a whole number of seconds may be half a second shorter.
const SLACK_MS: u64 = 500;

/// The length that is liked where none is asked for.
const USUAL_MS: u64 = 4000;

/// Why candidates were passed over, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub found: usize,
    pub shape: usize,
    pub short: usize,
    pub taken: usize,
    pub broken: usize,
}

impl Passed {
    /// Why nothing was taken; empty where nobody was asked.
    pub(super) fn told(&self, vendor: &str, task: &FindStockTask) -> String {
        if vendor == "local" && task.own.is_empty() {
            return String::new();
        }
        let queries: Vec<String> = task.queries.iter().map(|one| format!("“{one}”")).collect();
        let mut why = Vec::new();
        let mut add = |count: usize, what: &str| {
            if count > 0 {
                why.push(format!("{count} {what}"));
            }
        };
        add(self.shape, &format!("not {}", task.orientation));
        add(
            self.short,
            &format!(
                "shorter than {} s",
                seconds(task.min_duration_ms + SLACK_MS)
            ),
        );
        add(self.taken, "used already");
        add(self.broken, "that cannot be read");
        let why = match (self.found, why.as_slice()) {
            (0, _) => String::new(),
            (found, []) => format!(" ({found} found)"),
            (found, why) => format!(" ({found} found: {})", why.join(", ")),
        };
        format!("{vendor} has nothing for {}{why}", queries.join(", "))
    }
}

fn seconds(ms: u64) -> String {
    let text = format!("{}.{}", ms / 1000, ms % 1000 / 100);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Those that fit, the best first.
pub(super) fn ranked(
    candidates: Vec<Candidate>,
    task: &FindStockTask,
    text: &str,
    passed: &mut Passed,
) -> Vec<Candidate> {
    passed.found += candidates.len();
    let count = candidates.len().max(1) as u64;
    let wanted: Vec<&str> = text.split(' ').filter(|word| word.len() > 2).collect();
    let mut ranked: Vec<(u64, usize, Candidate)> = Vec::new();
    for (place, candidate) in candidates.into_iter().enumerate() {
        if candidate.files.is_empty() || !has_shape(&candidate, &task.orientation) {
            passed.shape += 1;
            continue;
        }
        let needed = match task.min_duration_ms {
            0 => 0,
            needed => needed + SLACK_MS,
        };
        if candidate.kind == Kind::Video && candidate.duration_ms < needed {
            passed.short += 1;
            continue;
        }
        let shared = shared(&candidate, &wanted);
        if candidate.page_url.is_empty() && shared == 0 {
            // A folder has no search of its own: the words decide.
            continue;
        }
        let relevance = 1000 - place as u64 * 1000 / count;
        let score = 225 * relevance
            + 225 * shared
            + 200 * shape(&candidate, task)
            + 150 * length(&candidate, needed)
            + 100 * rate(&candidate)
            + 100 * covering(&candidate, task);
        ranked.push((score, place, candidate));
    }
    ranked.sort_by_key(|(score, place, _)| (std::cmp::Reverse(*score), *place));
    ranked.into_iter().map(|(_, _, one)| one).collect()
}

/// The smallest file that covers the frame; the largest where none does.
pub(super) fn best_file<'a>(candidate: &'a Candidate, task: &FindStockTask) -> Option<&'a Offered> {
    let (width, height) = frame(candidate, task);
    let area = |file: &&Offered| u64::from(file.width) * u64::from(file.height);
    let slow = |file: &&Offered| file.fps_milli.is_some_and(|fps| fps < 23_000);
    let covers = |file: &&Offered| file.width >= width && file.height >= height;
    let covering = candidate.files.iter().filter(covers);
    covering
        .min_by_key(|file| (slow(file), area(file), file.bytes.unwrap_or(u64::MAX)))
        .or_else(|| candidate.files.iter().max_by_key(area))
}

/// The frame a clip is to fill, in pixels.
fn frame(candidate: &Candidate, task: &FindStockTask) -> (u32, u32) {
    let (short, long) = match task.quality.as_str() {
        "sd" => (540, 960),
        "uhd" => (2160, 3840),
        _ => (1080, 1920),
    };
    match task.orientation.as_str() {
        "portrait" => (short, long),
        "landscape" => (long, short),
        "square" => (short, short),
        _ if candidate.height > candidate.width => (short, long),
        _ => (long, short),
    }
}

fn has_shape(candidate: &Candidate, orientation: &str) -> bool {
    let (width, height) = (u64::from(candidate.width), u64::from(candidate.height));
    match orientation {
        "portrait" => height > width,
        "landscape" => width > height,
        // A tenth more or less is lost in the crop.
        "square" => width.abs_diff(height) * 10 <= width.max(height),
        _ => width > 0 && height > 0,
    }
}

/// Words of the search that are words about it, permille.
fn shared(candidate: &Candidate, wanted: &[&str]) -> u64 {
    let stem = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    let known = |word: &&&str| candidate.words.iter().any(|own| stem(own) == stem(word));
    (wanted.iter().filter(known).count() * 1000 / wanted.len().max(1)) as u64
}

/// How little a crop takes away, permille.
fn shape(candidate: &Candidate, task: &FindStockTask) -> u64 {
    let (width, height) = frame(candidate, task);
    let own = u64::from(candidate.width) * u64::from(height);
    let wanted = u64::from(candidate.height) * u64::from(width);
    own.min(wanted) * 1000 / own.max(wanted).max(1)
}

/// How well a length serves, permille: long enough, and not much of it brought here for nothing.
fn length(candidate: &Candidate, needed: u64) -> u64 {
    if candidate.kind == Kind::Image {
        return 600;
    }
    let liked = needed.max(USUAL_MS);
    if candidate.duration_ms < liked {
        return 500;
    }
    1000.min(liked * 4 * 1000 / candidate.duration_ms.max(1))
}

fn rate(candidate: &Candidate) -> u64 {
    let best = candidate
        .files
        .iter()
        .filter_map(|file| file.fps_milli)
        .max();
    match best {
        None => 600,
        Some(fps) if fps >= 29_000 => 1000,
        Some(fps) if fps >= 23_000 => 600,
        Some(_) => 0,
    }
}

fn covering(candidate: &Candidate, task: &FindStockTask) -> u64 {
    let (width, height) = frame(candidate, task);
    let covers = |file: &Offered| file.width >= width && file.height >= height;
    u64::from(candidate.files.iter().any(covers)) * 1000
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    fn task(orientation: &str, min_duration_ms: u64) -> FindStockTask {
        FindStockTask {
            queries: vec!["bees".into()],
            kind: "video".into(),
            orientation: orientation.into(),
            min_duration_ms,
            count: 1,
            quality: "hd".into(),
            unique_in_run: true,
            exclude_used_days: 30,
            safe: true,
            own: Vec::new(),
            film: String::new(),
            place: String::new(),
        }
    }

    fn offered(width: u32, height: u32, fps_milli: u32) -> Offered {
        Offered {
            source: Source::Url("https://example.org/x.mp4".parse().unwrap()),
            width,
            height,
            fps_milli: Some(fps_milli),
            bytes: None,
        }
    }

    fn clip(id: &str, files: Vec<Offered>, seconds: u64) -> Candidate {
        Candidate {
            kind: Kind::Video,
            id: id.into(),
            width: files[0].width,
            height: files[0].height,
            duration_ms: seconds * 1000,
            words: vec!["bee".into()],
            author: "A".into(),
            author_url: String::new(),
            page_url: "https://example.org".into(),
            files,
        }
    }

    #[test]
    fn the_smallest_file_that_covers_the_frame_is_enough() {
        let files = vec![
            offered(2160, 4096, 30_000),
            offered(540, 960, 30_000),
            offered(1080, 2048, 30_000),
            offered(1080, 1080, 30_000),
        ];
        let one = clip("1", files, 8);
        let best = |quality: &str| {
            let task = FindStockTask {
                quality: quality.into(),
                ..task("portrait", 0)
            };
            let file = best_file(&one, &task).unwrap();
            (file.width, file.height)
        };
        assert_eq!(best("hd"), (1080, 2048));
        assert_eq!(best("sd"), (540, 960));
        assert_eq!(best("uhd"), (2160, 4096));
        let small = clip(
            "2",
            vec![offered(360, 640, 30_000), offered(540, 960, 30_000)],
            8,
        );
        let file = best_file(&small, &task("portrait", 0)).unwrap();
        assert_eq!(file.width, 540, "the largest, where none is enough");
        let slow = clip(
            "3",
            vec![offered(1080, 1920, 15_000), offered(1440, 2560, 30_000)],
            8,
        );
        let file = best_file(&slow, &task("portrait", 0)).unwrap();
        assert_eq!(file.width, 1440, "fifteen frames a second are no film");
    }

    #[test]
    fn what_is_too_short_or_of_another_shape_is_passed_over_and_told() {
        let portrait = |id, seconds| clip(id, vec![offered(1080, 1920, 30_000)], seconds);
        let wide = clip("w", vec![offered(1920, 1080, 30_000)], 9);
        let mut passed = Passed::default();
        let task = task("portrait", 4000);
        let all = vec![portrait("4", 4), wide, portrait("5", 5)];
        let ranked = ranked(all, &task, "bees", &mut passed);
        let ids: Vec<&str> = ranked.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(
            ids,
            ["5"],
            "4 s may be 3.6, and half a second is needed besides"
        );
        assert_eq!(
            passed.told("pexels", &task),
            "pexels has nothing for “bees” (3 found: 1 not portrait, 1 shorter than 4.5 s)"
        );
    }

    #[test]
    fn of_what_fits_the_librarys_order_and_the_picture_decide() {
        let good = clip("good", vec![offered(1080, 1920, 30_000)], 8);
        let mut jerky = clip("jerky", vec![offered(1080, 1920, 15_000)], 8);
        jerky.words = vec!["wasp".into()];
        let tiny = clip("tiny", vec![offered(360, 640, 30_000)], 8);
        let mut passed = Passed::default();
        let ranked = ranked(
            vec![jerky, tiny, good],
            &task("portrait", 4000),
            "bees",
            &mut passed,
        );
        let ids: Vec<&str> = ranked.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["good", "tiny", "jerky"]);
    }
}

//! Words into cues: which words are seen together and for how long.
//!
//! Each scene is grouped on its own, by the cheapest partition under a few penalties; cues stay inside their scene's
//! frames. So a cue never depends on another scene, and a segment shows only its own scene's words.

use super::caption_rules::{CaptionRules, Emphasis, Grouping, bare};
use super::edit_rules::frames;
use super::schedule::{CUT_LEAD, PlacedScene, PlacedWord};
use super::shots::ends_phrase;
use super::word_pieces::first_characters;
use crate::time::{FrameRate, TimeRange};
use crate::timeline::{Cue, CueWord, ends_sentence, is_spaceless};

/// A cue that is followed by silence stays this long after its last word, milliseconds.
const LINGER_MS: u32 = 200;
/// A scene's first cue comes with its cut if its first word follows within this many frames.
const EARLY: i64 = 3;
/// The same for the very first cue, so that a video is captioned from its first frame.
const EARLY_HOOK: i64 = 10;

/// English words that should not end a cue: what they announce comes next.
const DANGLING: [&str; 24] = [
    "a", "an", "and", "as", "at", "because", "but", "by", "for", "from", "if", "in", "into", "is",
    "my", "of", "on", "or", "than", "that", "the", "to", "with", "your",
];

/// The same in German.
const DANGLING_GERMAN: [&str; 24] = [
    "aber", "als", "am", "an", "auf", "aus", "bei", "das", "dass", "dem", "den", "der", "die",
    "ein", "eine", "einen", "für", "im", "in", "mit", "oder", "und", "von", "zu",
];

/// Columns of a line that a word takes: letters as wide as they are high count as two.
fn columns(word: &str) -> usize {
    if word.is_ascii() {
        return word.len();
    }
    let letters = first_characters(word);
    letters.iter().map(|c| 1 + usize::from(is_wide(*c))).sum()
}

/// Letters of the scripts that are written in squares.
const fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{303E}' | '\u{3041}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FF60}' | '\u{20000}'..='\u{3FFFD}')
}

/// Whether no space stands between two words, as between Japanese or Chinese ones.
fn is_joined(before: &str, after: &str) -> bool {
    let (last, first) = (before.chars().next_back(), after.chars().next());
    last.is_some_and(is_spaceless) && first.is_some_and(is_spaceless)
}

/// Grouping in frames.
pub(crate) struct CueRules {
    grouping: Grouping,
    emphasis: Emphasis,
    strip_emoji: bool,
    min_on_screen: i64,
    gap_merge: i64,
    linger: i64,
    rate: FrameRate,
    dangling: &'static [&'static str],
}

impl CueRules {
    /// Rules for one language and rate.
    pub(crate) fn new(rules: &CaptionRules, language: &str, rate: FrameRate) -> Self {
        let grouping = rules.grouping;
        let primary = language.split('-').next().unwrap_or_default();
        Self {
            grouping,
            emphasis: rules.emphasis.clone(),
            strip_emoji: rules.strip_emoji,
            min_on_screen: frames(grouping.min_on_screen_ms, rate).max(1),
            gap_merge: frames(grouping.gap_merge_ms, rate),
            linger: frames(LINGER_MS, rate),
            rate,
            dangling: match primary.to_ascii_lowercase().as_str() {
                "en" => &DANGLING,
                "de" => &DANGLING_GERMAN,
                _ => &[],
            },
        }
    }

    /// The cues of all scenes, in order.
    pub(crate) fn cues(&self, scenes: &[PlacedScene]) -> Vec<Cue> {
        scenes
            .iter()
            .enumerate()
            .flat_map(|(index, scene)| self.scene_cues(scene, index == 0))
            .collect()
    }

    fn scene_cues(&self, scene: &PlacedScene, hook: bool) -> Vec<Cue> {
        let shown;
        let scene = if self.strip_emoji {
            shown = without_emoji(scene);
            &shown
        } else {
            scene
        };
        let words = &scene.words;
        let mut ends = self.partition(words);
        self.join_brief(scene, hook, &mut ends);
        let mut from = 0;
        ends.iter()
            .map(|&to| {
                let (start, end) = self.span(scene, hook, (from, to));
                let cue = Cue {
                    range: TimeRange::from_units(start, end, self.rate),
                    words: words[from..to]
                        .iter()
                        .map(|word| self.cue_word(scene, word))
                        .collect(),
                };
                from = to;
                cue
            })
            .collect()
    }

    fn cue_word(&self, scene: &PlacedScene, word: &PlacedWord) -> CueWord {
        CueWord {
            text: word.text.clone(),
            range: TimeRange::from_units(word.start, word.end, self.rate),
            emphasis: self.is_emphasised(scene, &word.text),
        }
    }

    fn is_emphasised(&self, scene: &PlacedScene, word: &str) -> bool {
        let words = match &self.emphasis {
            Emphasis::None => return false,
            Emphasis::Words(words) => words,
            Emphasis::Script => &scene.emphasis,
        };
        let word = bare(word);
        !word.is_empty() && words.contains(&word)
    }

    /// Columns of a cue with the spaces in it, which is what reading takes.
    fn reading_columns<'a>(texts: impl Iterator<Item = &'a str>) -> i64 {
        let mut before: Option<&str> = None;
        let mut sum = 0;
        for text in texts {
            let space = before.is_some_and(|before| !is_joined(before, text));
            sum += columns(text) + usize::from(space);
            before = Some(text);
        }
        sum as i64
    }

    /// Frames that reading a group takes at the speed the style allows; 0 where it allows any.
    fn reading_frames(&self, group: &[PlacedWord]) -> i64 {
        let Some(max_cps) = self.grouping.max_cps else {
            return 0;
        };
        let columns = Self::reading_columns(group.iter().map(|word| word.text.as_str()));
        (columns as f64 * self.rate.as_f64() / f64::from(max_cps)).ceil() as i64
    }

    /// What is said where captions are gone before they can be read at the speed the style allows.
    pub(crate) fn too_fast(&self, cues: &[Cue]) -> Option<String> {
        let max_cps = self.grouping.max_cps?;
        let speed = |cue: &Cue| {
            let texts = cue.words.iter().map(|word| word.text.as_str());
            let frames = cue.range.duration.value.max(1) as f64;
            Self::reading_columns(texts) as f64 * self.rate.as_f64() / frames
        };
        let fast = cues
            .iter()
            .filter(|cue| speed(cue) > f64::from(max_cps) + 0.05);
        let fastest = fast.clone().max_by(|a, b| speed(a).total_cmp(&speed(b)))?;
        let words: Vec<&str> = fastest
            .words
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        Some(format!(
            "{} of {} captions are faster than `max_cps` {max_cps}; the fastest, `{}`, has {:.0} characters a second: speak \
             more slowly, or let cues be longer with `words_per_caption` and `max_lines`",
            fast.count(),
            cues.len(),
            words.join(" "),
            speed(fastest)
        ))
    }

    /// When the group `[from, to)` is seen.
    fn span(&self, scene: &PlacedScene, hook: bool, (from, to): (usize, usize)) -> (i64, i64) {
        let words = &scene.words;
        let start = if from == 0 {
            self.first_start(scene, hook)
        } else {
            words[from].start
        };
        let spoken = words[to - 1].end;
        let next = words.get(to).map_or(scene.end, |word| word.start);
        let end = if next - spoken < self.gap_merge {
            next
        } else {
            (spoken + self.linger).min(next)
        };
        // Silence after it is time to read.
        let end = end.max((start + self.reading_frames(&words[from..to])).min(next));
        (start, end)
    }

    fn first_start(&self, scene: &PlacedScene, hook: bool) -> i64 {
        let onset = scene.words.first().map_or(scene.start, |word| word.start);
        let early = if hook { EARLY_HOOK } else { EARLY };
        if onset - scene.start <= early {
            scene.start
        } else {
            onset - CUT_LEAD
        }
    }

    /// The cheapest partition into groups, as the index after each group's last word.
    fn partition(&self, words: &[PlacedWord]) -> Vec<usize> {
        // best[to] = (cost of the words before `to`, where the last group starts)
        let mut best: Vec<(i64, usize)> = vec![(0, 0)];
        for to in 1..=words.len() {
            let first = to.saturating_sub(self.grouping.max_words);
            let choice = (first..to)
                .filter(|from| to - from == 1 || self.fits(&words[*from..to]))
                .map(|from| (best[from].0 + self.cost(words, from, to), from))
                .min();
            // A single word is always allowed, so there is a choice; it goes alone otherwise.
            best.push(choice.unwrap_or((best[to - 1].0, to - 1)));
        }
        let mut ends = Vec::new();
        let mut to = words.len();
        while to > 0 {
            ends.push(to);
            to = best[to].1;
        }
        ends.reverse();
        ends
    }

    /// Whether words fit the lines, broken greedily. A word longer than a line takes a line of its own.
    fn fits(&self, words: &[PlacedWord]) -> bool {
        let mut lines = 1;
        let mut used = 0;
        for (at, word) in words.iter().enumerate() {
            let letters = columns(&word.text);
            let joined = at > 0 && is_joined(&words[at - 1].text, &word.text);
            let space = usize::from(used > 0 && !joined);
            if used > 0 && used + space + letters > self.grouping.max_chars {
                lines += 1;
                used = letters;
            } else {
                used += letters + space;
            }
        }
        lines <= usize::from(self.grouping.max_lines)
    }

    /// How bad it is to show `[from, to)` together. Only the order of the penalties matters: words of two sentences
    /// together are worst, then pauses and clauses inside, then orphans, then breaks in the flow, then imbalance.
    fn cost(&self, words: &[PlacedWord], from: usize, to: usize) -> i64 {
        let group = &words[from..to];
        let count = group.len();
        let inside: i64 = group[..count - 1]
            .iter()
            .zip(&group[1..])
            .map(|(word, next)| self.inside_cost(word, next))
            .sum();
        let orphan = if count < self.grouping.min_words {
            6 * (self.grouping.min_words - count) as i64
        } else {
            0
        };
        let flow = words
            .get(to)
            .map_or(0, |next| self.break_cost(&group[count - 1], next));
        let seen = words
            .get(to)
            .map_or(group[count - 1].end, |next| next.start)
            - group[0].start;
        let brief = if seen < self.min_on_screen { 20 } else { 0 };
        let fast = if seen < self.reading_frames(group) {
            10
        } else {
            0
        };
        let middle = (self.grouping.min_words + self.grouping.max_words) as i64;
        inside + orphan + flow + brief + fast + (2 * count as i64 - middle).abs()
    }

    fn inside_cost(&self, word: &PlacedWord, next: &PlacedWord) -> i64 {
        let stop = if ends_sentence(&word.text) {
            40
        } else if ends_phrase(&word.text) {
            12
        } else {
            0
        };
        let pause = if next.start - word.end >= self.gap_merge {
            15
        } else {
            0
        };
        stop + pause
    }

    fn break_cost(&self, last: &PlacedWord, next: &PlacedWord) -> i64 {
        let natural = ends_sentence(&last.text)
            || ends_phrase(&last.text)
            || next.start - last.end >= self.gap_merge;
        if natural {
            return 0;
        }
        let dangling = self.dangling.contains(&last.text.to_lowercase().as_str());
        if dangling { 8 } else { 3 }
    }

    /// Joins groups that are seen too briefly with a neighbour they fit together with; groups that would not be seen
    /// at all are joined in any case.
    fn join_brief(&self, scene: &PlacedScene, hook: bool, ends: &mut Vec<usize>) {
        let mut at = 0;
        while at < ends.len() {
            let from = at.checked_sub(1).map_or(0, |before| ends[before]);
            let (start, end) = self.span(scene, hook, (from, ends[at]));
            let unseen = end <= start;
            if end - start >= self.min_on_screen {
                at += 1;
                continue;
            }
            let before = at
                .checked_sub(1)
                .map(|i| i.checked_sub(1).map_or(0, |i| ends[i]));
            let joins = |range: (usize, usize)| unseen || self.fits(&scene.words[range.0..range.1]);
            let after = ends.get(at + 1).copied();
            if let Some(to) = after.filter(|to| joins((from, *to))) {
                debug_assert!(to > ends[at]);
                ends.remove(at);
            } else if before.is_some_and(|first| joins((first, ends[at]))) {
                ends.remove(at - 1);
                at -= 1;
            } else {
                at += 1;
            }
        }
    }
}

/// The scene with emoji left out of its words; words of nothing else are left out as well.
fn without_emoji(scene: &PlacedScene) -> PlacedScene {
    let words = scene.words.iter().filter_map(|word| {
        let text: String = word.text.chars().filter(|c| !is_emoji(*c)).collect();
        let text = text.trim().to_owned();
        (!text.is_empty()).then(|| PlacedWord {
            text,
            ..word.clone()
        })
    });
    PlacedScene {
        words: words.collect(),
        ..scene.clone()
    }
}

/// Pictures, and the marks that only join or colour them.
const fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1F000}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{FE0F}' | '\u{200D}'
        | '\u{20E3}' | '\u{E0020}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::caption_rules;

    use super::*;

    const RATE: FrameRate = FrameRate::whole(30);

    fn rules(min_words: usize, max_words: usize, max_chars: usize) -> CueRules {
        let grouping = Grouping {
            min_words,
            max_words,
            max_lines: 2,
            max_chars,
            min_on_screen_ms: 200,
            gap_merge_ms: 300,
            max_cps: None,
        };
        in_language(grouping, "en-GB")
    }

    fn in_language(grouping: Grouping, language: &str) -> CueRules {
        let rules = CaptionRules {
            grouping,
            ..caption_rules()
        };
        CueRules::new(&rules, language, RATE)
    }

    /// A scene whose words last ten frames each, with the given pause before each.
    fn scene(words: &[(&str, i64)]) -> PlacedScene {
        let mut at = 8;
        let placed = words
            .iter()
            .map(|(text, pause)| {
                let start = at + pause;
                at = start + 10;
                PlacedWord {
                    text: (*text).to_owned(),
                    start,
                    end: at,
                }
            })
            .collect();
        PlacedScene {
            name: "s".into(),
            audio_start: 0,
            start: 0,
            end: at + 30,
            words: placed,
            emphasis: Vec::new(),
        }
    }

    fn texts(cues: &[Cue]) -> Vec<String> {
        cues.iter()
            .map(|cue| {
                let words: Vec<&str> = cue.words.iter().map(|word| word.text.as_str()).collect();
                words.join(" ")
            })
            .collect()
    }

    fn grouped(text: &str, rules: &CueRules) -> Vec<String> {
        let words: Vec<(&str, i64)> = text.split(' ').map(|word| (word, 0)).collect();
        texts(&rules.cues(&[scene(&words)]))
    }

    #[test]
    fn breaks_follow_the_language() {
        assert_eq!(
            grouped(
                "Honey never spoils, and archaeologists ate some.",
                &rules(2, 4, 20)
            ),
            ["Honey never spoils,", "and archaeologists ate some."]
        );
        assert_eq!(
            grouped("One bee visits a flower. Then it dances.", &rules(2, 5, 20)),
            ["One bee visits a flower.", "Then it dances."]
        );
    }

    #[test]
    fn no_orphans_where_two_words_fit() {
        for cue in grouped("one two three four five six seven", &rules(2, 3, 20)) {
            assert!(cue.split(' ').count() >= 2, "{cue}");
        }
    }

    #[test]
    fn long_words_stand_alone() {
        assert_eq!(
            grouped(
                "Donaudampfschifffahrtsgesellschaft fährt hier.",
                &rules(2, 4, 12)
            )
            .len(),
            1,
            "a line each"
        );
        assert_eq!(
            grouped(
                "aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb cccccccccccccccc",
                &rules(2, 4, 12)
            )
            .len(),
            2
        );
    }

    #[test]
    fn cues_chain_over_short_pauses_and_leave_on_long_ones() {
        let words = [
            ("One", 0),
            ("two.", 0),
            ("Three", 5),
            ("four.", 0),
            ("Five", 40),
            ("six.", 0),
        ];
        let cues = rules(2, 2, 20).cues(&[scene(&words)]);
        let spans: Vec<(i64, i64)> = cues
            .iter()
            .map(|cue| (cue.range.first(), cue.range.end()))
            .collect();
        // The first cue comes with the first frame; the second ends 6 frames after its last word.
        assert_eq!(spans, [(0, 33), (33, 59), (93, 119)]);
    }

    #[test]
    fn later_scenes_start_with_their_cut_only_if_their_word_is_near() {
        let rules = rules(2, 4, 20);
        let far = scene(&[("Late", 0), ("word.", 0)]);
        let near = PlacedScene {
            start: 6,
            ..far.clone()
        };
        assert_eq!(rules.scene_cues(&far, false)[0].range.first(), 6);
        assert_eq!(rules.scene_cues(&near, false)[0].range.first(), 6);
        assert_eq!(rules.scene_cues(&far, true)[0].range.first(), 0);
    }

    #[test]
    fn fast_words_are_joined_until_they_can_be_read() {
        let words = (0..6)
            .map(|at| PlacedWord {
                text: format!("w{at}."),
                start: 10 + at * 2,
                end: 12 + at * 2,
            })
            .collect();
        let fast = PlacedScene {
            words,
            ..scene(&[])
        };
        for cue in rules(1, 1, 20).cues(&[fast]) {
            assert!(cue.range.duration.value >= 6, "{cue:?}");
        }
    }

    // spec: T-49
    #[test]
    fn captions_are_seen_long_enough_to_be_read_where_that_is_possible() {
        let slow = |max_cps| {
            let grouping = Grouping {
                max_cps,
                ..rules(1, 3, 30).grouping
            };
            in_language(grouping, "en")
        };
        let words = [
            ("Extraordinary", 0),
            ("bees.", 0),
            ("They", 40),
            ("dance.", 0),
        ];
        let lasting = |rules: &CueRules| -> Vec<i64> {
            let cues = rules.cues(&[scene(&words)]);
            cues.iter().map(|cue| cue.range.duration.value).collect()
        };
        let (free, limited) = (lasting(&slow(None)), lasting(&slow(Some(15))));
        // 19 characters at 15 a second are 38 frames.
        assert!(free[0] < 38 && limited[0] >= 38, "{free:?} {limited:?}");
        let rules = slow(Some(15));
        assert_eq!(rules.too_fast(&rules.cues(&[scene(&words)])), None);
        let hurried = slow(Some(5));
        let cues = hurried.cues(&[scene(&words)]);
        let told = hurried.too_fast(&cues).unwrap();
        assert!(
            told.starts_with("2 of 2 captions are faster than `max_cps` 5; the fastest, `"),
            "{told}"
        );
        assert_eq!(slow(None).too_fast(&cues), None);
    }

    // spec: T-43
    #[test]
    fn japanese_needs_no_spaces_and_more_room() {
        let grouping = Grouping {
            min_words: 1,
            max_words: 9,
            max_lines: 1,
            max_chars: 12,
            min_on_screen_ms: 200,
            gap_merge_ms: 300,
            max_cps: None,
        };
        let words: Vec<(&str, i64)> = ["私", "たち", "は", "海", "を", "見る"]
            .iter()
            .map(|word| (*word, 0))
            .collect();
        let found = in_language(grouping, "ja").cues(&[scene(&words)]);
        let longest = found.iter().map(|cue| {
            let letters: usize = cue.words.iter().map(|word| word.text.chars().count()).sum();
            letters
        });
        assert!(
            longest.max().unwrap() <= 6,
            "six squares fill twelve columns"
        );
        assert_eq!(columns("海sea"), 5);
    }

    #[test]
    fn german_groups_keep_articles_with_their_noun() {
        let grouping = Grouping {
            min_words: 2,
            max_words: 4,
            max_lines: 2,
            max_chars: 16,
            min_on_screen_ms: 200,
            gap_merge_ms: 300,
            max_cps: None,
        };
        let rules = in_language(grouping, "de-AT");
        for text in grouped("Wir gehen heute mit dem Hund in den Wald hinaus", &rules) {
            let last = text.split(' ').next_back().unwrap();
            assert!(!DANGLING_GERMAN.contains(&last), "{text}");
        }
    }

    // spec: T-44
    #[test]
    fn emphasis_and_emoji_follow_the_style() {
        let style = CaptionRules {
            emphasis: Emphasis::Words(vec!["never".into()]),
            strip_emoji: true,
            ..caption_rules()
        };
        let rules = CueRules::new(&style, "en", RATE);
        let cues = rules.cues(&[scene(&[
            ("Bees", 0),
            ("Never,", 0),
            ("🐝", 0),
            ("sleep🐝.", 0),
        ])]);
        let words: Vec<(&str, bool)> = cues
            .iter()
            .flat_map(|cue| &cue.words)
            .map(|word| (word.text.as_str(), word.emphasis))
            .collect();
        assert_eq!(
            words,
            [("Bees", false), ("Never,", true), ("sleep.", false)]
        );
    }

    // spec: T-44
    #[test]
    fn scripts_emphasise_words_of_their_own_scenes() {
        let style = CaptionRules {
            emphasis: Emphasis::Script,
            ..caption_rules()
        };
        let rules = CueRules::new(&style, "en", RATE);
        let words = [("Bees", 0), ("never", 0), ("sleep.", 0)];
        let marked = PlacedScene {
            emphasis: vec!["never".into(), "sleep".into()],
            ..scene(&words)
        };
        let found = rules.cues(&[marked, scene(&words)]);
        let emphasised: Vec<bool> = found
            .iter()
            .flat_map(|cue| &cue.words)
            .map(|word| word.emphasis)
            .collect();
        assert_eq!(emphasised, [false, true, true, false, false, false]);
    }

    fn any_scene() -> impl Strategy<Value = PlacedScene> {
        let word = ("[a-z]{1,14}[.,]?", 0i64..30, 0i64..20);
        (prop::collection::vec(word, 0..40), 0i64..30).prop_map(|(words, tail)| {
            let mut at = 5;
            let words = words
                .into_iter()
                .map(|(text, pause, length)| {
                    let start = at + pause;
                    at = start + length;
                    PlacedWord {
                        text,
                        start,
                        end: at,
                    }
                })
                .collect();
            PlacedScene {
                name: "s".into(),
                audio_start: 5,
                start: 3,
                end: at + tail + 1,
                words,
                emphasis: Vec::new(),
            }
        })
    }

    proptest! {
        #[test]
        fn every_word_is_seen_once_in_order_inside_its_cue(scene in any_scene(), max in 1usize..6, hook: bool) {
            let rules = rules(1.min(max), max, 16);
            let mut found = rules.scene_cues(&scene, hook);
            let words: Vec<&str> = found.iter().flat_map(|cue| &cue.words).map(|word| word.text.as_str()).collect();
            let script: Vec<&str> = scene.words.iter().map(|word| word.text.as_str()).collect();
            prop_assert_eq!(words, script);
            found.insert(0, Cue { range: TimeRange::from_units(scene.start, scene.start, RATE), words: Vec::new() });
            for pair in found.windows(2) {
                let (before, cue) = (&pair[0], &pair[1]);
                prop_assert!(before.range.end() <= cue.range.first());
                prop_assert!(cue.range.duration.value > 0);
                prop_assert!(cue.range.end() <= scene.end);
                for word in &cue.words {
                    prop_assert!(cue.range.first() <= word.range.first());
                    prop_assert!(word.range.end() <= cue.range.end());
                }
            }
        }
    }
}

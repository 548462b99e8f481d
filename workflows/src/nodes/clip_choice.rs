//! Which of the user's clips is seen in which scene of a script.
//!
//! Part of `Input.Upload`. Names are all that is known of the clips here: nobody looks into them.

use std::collections::BTreeSet;

use super::input_upload::mix;
use crate::execution::LowerError;
use crate::value::{MediaValue, Scene};

/// The ways to choose; the first is the usual one.
pub(super) const CHOICES: &[&str] = &["by_tags", "by_name", "order", "random"];

/// Words of names that say nothing about the picture.
const SHORTEST_WORD: usize = 3;

/// One clip per scene, in the order of the scenes.
pub(super) fn choose(
    clips: &[MediaValue],
    scenes: &[&Scene],
    how: &str,
    seed: u64,
) -> Result<Vec<MediaValue>, LowerError> {
    if scenes.is_empty() {
        return Err(LowerError::new(
            "`match` has no scenes",
            "give it the `scenes` of a script",
        ));
    }
    let mut state = seed;
    let mut shelf = Shelf {
        uses: vec![0; clips.len()],
        words: clips.iter().map(|clip| words(&clip.name)).collect(),
    };
    scenes
        .iter()
        .enumerate()
        .map(|(at, scene)| {
            let index = match how {
                "by_name" => named(clips, scene)?,
                "order" => at % clips.len(),
                "random" => shelf.least_used(mix(&mut state)),
                _ => shelf.most_alike(scene),
            };
            shelf.uses[index] += 1;
            Ok(clips[index].clone())
        })
        .collect()
}

/// The clips with how often each was taken.
struct Shelf {
    uses: Vec<usize>,
    words: Vec<BTreeSet<String>>,
}

impl Shelf {
    /// The clip whose name shares most words with the scene; of equals the one taken least, then the first.
    fn most_alike(&self, scene: &Scene) -> usize {
        let wanted: BTreeSet<String> = scene
            .visual
            .iter()
            .chain([&scene.text])
            .flat_map(|text| words(text))
            .collect();
        let rank = |index: &usize| {
            let shared = self.words[*index].intersection(&wanted).count();
            // A clip that was seen is worth one word less, so that a folder is not one clip again and again.
            let worth = shared as i64 - self.uses[*index] as i64;
            (worth, std::cmp::Reverse(*index))
        };
        (0..self.words.len()).max_by_key(rank).unwrap_or_default()
    }

    /// One of those taken least.
    fn least_used(&self, number: u64) -> usize {
        let least = self.uses.iter().min().copied().unwrap_or_default();
        let open: Vec<usize> = (0..self.uses.len())
            .filter(|index| self.uses[*index] == least)
            .collect();
        open[(number % open.len().max(1) as u64) as usize]
    }
}

/// The clip whose name is the scene's id.
fn named(clips: &[MediaValue], scene: &Scene) -> Result<usize, LowerError> {
    let stem = |name: &str| {
        name.rsplit_once('.')
            .map_or(name, |(stem, _)| stem)
            .to_lowercase()
    };
    clips
        .iter()
        .position(|clip| stem(&clip.name) == scene.id.to_lowercase())
        .ok_or_else(|| {
            LowerError::new(
                format!("no file is named like the scene `{}`", scene.id),
                format!(
                    "call one {}.mp4 (or .png), or write `pick: by_tags`",
                    scene.id
                ),
            )
        })
}

/// The words of a name or a text, in small letters, without what ends a plural.
fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= SHORTEST_WORD)
        .map(|word| word.strip_suffix('s').unwrap_or(word).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{digest, media_facts};
    use super::*;
    use fenta_templates::timeline::MediaKind;

    fn clips(names: &[&str]) -> Vec<MediaValue> {
        names
            .iter()
            .map(|name| MediaValue {
                digest: digest(name),
                name: (*name).to_owned(),
                facts: media_facts(MediaKind::Video),
                origin: None,
            })
            .collect()
    }

    fn chosen(names: &[&str], texts: &[&str], how: &str) -> Vec<String> {
        let scenes: Vec<Scene> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| Scene::new(format!("s{}", at + 1), *text))
            .collect();
        let scenes: Vec<&Scene> = scenes.iter().collect();
        choose(&clips(names), &scenes, how, 7)
            .unwrap()
            .into_iter()
            .map(|clip| clip.name)
            .collect()
    }

    #[test]
    fn words_decide_and_nothing_is_shown_twice_without_need() {
        let names = ["honey-jar.mp4", "bees_on_comb.mp4", "meadow.mp4"];
        let texts = [
            "Bees dance.",
            "They make honey.",
            "Far away.",
            "Bees again.",
        ];
        assert_eq!(
            chosen(&names, &texts, "by_tags"),
            [
                "bees_on_comb.mp4",
                "honey-jar.mp4",
                "meadow.mp4",
                "bees_on_comb.mp4"
            ]
        );
    }

    #[test]
    fn other_ways_keep_to_their_rule() {
        let names = ["s2.mp4", "S1.png"];
        assert_eq!(chosen(&names, &["a", "b"], "by_name"), ["S1.png", "s2.mp4"]);
        assert_eq!(
            chosen(&names, &["a", "b", "c"], "order"),
            ["s2.mp4", "S1.png", "s2.mp4"]
        );
        let mut random = chosen(&names, &["a", "b"], "random");
        random.sort();
        assert_eq!(random, ["S1.png", "s2.mp4"]);
        let scene = Scene::new("s9", "x");
        let error = choose(&clips(&names), &[&scene], "by_name", 1).unwrap_err();
        assert!(error.message.contains("`s9`"));
        assert!(choose(&clips(&names), &[], "order", 1).is_err());
    }
}

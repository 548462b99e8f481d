//! Finding font files on this machine: a family and a weight become a path and a face index.
//!
//! Neighbours: the worker calls it for a `ResolveFonts` action and pins what it finds by content; drawing itself never
//! looks here. An unknown family is an error that names what is close, never a substitute.

use std::path::{Path, PathBuf};

use fenta_templates::timeline::FontRequest;
use fenta_workflows::action::ResolveFontsRequest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use parley::fontique::{
    Collection, CollectionOptions, FamilyInfo, FontInfo, FontStyle, FontWidth, SourceKind,
};

use crate::confine::linked_files;

/// Families whose package has another name than the family suggests.
const PACKAGES: [(&str, &str); 10] = [
    ("inter", "fonts-inter"),
    ("noto color emoji", "fonts-noto-color-emoji"),
    ("noto sans cjk", "fonts-noto-cjk"),
    ("noto", "fonts-noto-core"),
    ("dejavu", "fonts-dejavu-core"),
    ("liberation", "fonts-liberation"),
    ("roboto", "fonts-roboto"),
    ("open sans", "fonts-open-sans"),
    ("lato", "fonts-lato"),
    ("montserrat", "fonts-montserrat"),
];
/// Families named in a hint.
const CLOSE_FAMILIES: usize = 3;

/// Finds every face in the usual font folders of this machine.
///
/// # Errors
/// A family that is not installed.
pub fn resolve_fonts(
    request: &ResolveFontsRequest,
) -> Result<Vec<(FontRequest, PathBuf, u32)>, WorkerFailure> {
    resolve_fonts_in(request, &usual_folders())
}

/// Finds every face in the given folders and everything below them.
///
/// The exact weight wins, then the nearest one; a file made for a weight wins over an instance of a variable font;
/// italics and condensed faces are never taken for upright ones.
///
/// # Errors
/// A family that is not in the folders.
pub fn resolve_fonts_in(
    request: &ResolveFontsRequest,
    folders: &[PathBuf],
) -> Result<Vec<(FontRequest, PathBuf, u32)>, WorkerFailure> {
    let mut collection = Collection::new(CollectionOptions {
        shared: false,
        system_fonts: false,
    });
    collection.load_fonts_from_paths(folders.iter().filter(|folder| folder.is_dir()));
    request
        .fonts
        .iter()
        .map(|font| {
            let (path, index) = collection
                .family_by_name(&font.family)
                .and_then(|family| best_face(&family, font.weight))
                .ok_or_else(|| not_installed(font, &mut collection))?;
            Ok((font.clone(), path, index))
        })
        .collect()
}

/// Every place that finding fonts may have to read: the usual folders, and the files that links in them lead to.
pub fn font_places() -> Vec<PathBuf> {
    let folders = usual_folders();
    let linked: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| linked_files(folder))
        .collect();
    folders.into_iter().chain(linked).collect()
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = vec![
        PathBuf::from("/usr/share/fonts"),
        PathBuf::from("/usr/local/share/fonts"),
    ];
    if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
        folders.push(home.join(".local/share/fonts"));
        folders.push(home.join(".fonts"));
    }
    folders
}

fn best_face(family: &FamilyInfo, weight: u16) -> Option<(PathBuf, u32)> {
    family
        .fonts()
        .iter()
        .filter(|font| font.style() == FontStyle::Normal && font.width() == FontWidth::NORMAL)
        .filter_map(|font| Some((font, path_of(font)?)))
        .min_by_key(|(font, path)| {
            let (distance, wrong_side) = weight_distance(font, weight);
            // The path last: the order in which a folder lists its files must not decide.
            (
                distance,
                font.has_weight_axis(),
                wrong_side,
                !is_open_type(path),
                path.to_path_buf(),
            )
        })
        .map(|(font, path)| (path.to_path_buf(), font.index()))
}

fn path_of(font: &FontInfo) -> Option<&Path> {
    match font.source().kind() {
        SourceKind::Path(path) => Some(path),
        SourceKind::Memory(_) => None,
    }
}

fn is_open_type(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("otf"))
}

/// How far a face is from a weight, and whether it errs on the side that CSS avoids: light texts become lighter,
/// bold ones bolder.
fn weight_distance(font: &FontInfo, weight: u16) -> (u32, bool) {
    let asked = f32::from(weight);
    let has = font
        .axes()
        .iter()
        .find(|axis| axis.tag.to_be_bytes() == *b"wght")
        .map_or(font.weight().value(), |axis| {
            asked.clamp(axis.min, axis.max)
        });
    let wrong_side = if asked > 500.0 {
        has < asked
    } else {
        has > asked
    };
    ((has - asked).abs().round() as u32, wrong_side)
}

fn not_installed(font: &FontRequest, collection: &mut Collection) -> WorkerFailure {
    let close = close_families(&font.family, collection.family_names());
    let mut hint = package_hint(&font.family);
    if !close.is_empty() {
        hint = format!("{hint}; installed and close: {}", close.join(", "));
    }
    WorkerFailure {
        class: FailureClass::Input,
        message: format!(
            "no upright face of the font family `{}` is installed",
            font.family
        ),
        hint,
    }
}

fn package_hint(family: &str) -> String {
    let lower = family.to_lowercase();
    match PACKAGES.iter().find(|(start, _)| lower.starts_with(start)) {
        Some((_, package)) => {
            format!("install the package {package}, or put the font file into ~/.local/share/fonts")
        }
        None => "put the font file into ~/.local/share/fonts, or choose another family".to_owned(),
    }
}

/// The families whose names are most like the one asked for; none if none is.
fn close_families<'a>(asked: &str, families: impl Iterator<Item = &'a str>) -> Vec<String> {
    let asked = asked.to_lowercase();
    let mut ranked: Vec<(usize, &str)> = families
        .filter_map(|family| {
            let lower = family.to_lowercase();
            let distance = if lower.starts_with(&asked) || asked.starts_with(&lower) {
                1
            } else {
                edit_distance(&asked, &lower)
            };
            (distance <= asked.chars().count() / 3 + 1).then_some((distance, family))
        })
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked
        .into_iter()
        .take(CLOSE_FAMILIES)
        .map(|(_, family)| format!("`{family}`"))
        .collect()
}

/// Letters to add, drop or change.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fixtures::{request, resolve};

    fn ask(family: &str, weight: u16) -> ResolveFontsRequest {
        ResolveFontsRequest {
            fonts: vec![request(family, weight)],
        }
    }

    #[test]
    fn inter_is_found_at_its_exact_weight_as_a_static_open_type_file() {
        for (weight, file) in [
            (400, "Inter-Regular.otf"),
            (800, "Inter-ExtraBold.otf"),
            (700, "Inter-Bold.otf"),
        ] {
            for family in ["Inter", "INTER"] {
                let found = resolve(&[(family, weight)]);
                assert!(found[0].1.ends_with(file), "{found:?}");
                assert_eq!((found[0].0.weight, found[0].2), (weight, 0));
            }
        }
    }

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let found = resolve(&[("Noto Color Emoji", 400), ("Inter", 500)]);
        assert!(found[0].1.ends_with("NotoColorEmoji.ttf"));
        assert!(found[1].1.ends_with("Inter-Medium.otf"));
    }

    /// A folder with some of Inter's files under other names.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let inter = resolve(&[("Inter", 400)])[0].1.parent().unwrap().to_owned();
        for (source, name) in files {
            std::fs::copy(inter.join(source), folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn the_nearest_weight_stands_in_and_italics_never_do() {
        let folder = folder(&[
            ("Inter-Light.otf", "a.otf"),
            ("Inter-Bold.otf", "b.otf"),
            ("Inter-BlackItalic.otf", "c.otf"),
        ]);
        let folders = [folder.path().to_owned()];
        for (weight, file) in [
            (900, "b.otf"),
            (800, "b.otf"),
            (400, "a.otf"),
            (500, "a.otf"),
            (600, "b.otf"),
        ] {
            let found = resolve_fonts_in(&ask("Inter", weight), &folders).unwrap();
            assert!(found[0].1.ends_with(file), "{weight}: {found:?}");
        }
    }

    #[test]
    fn equal_files_are_chosen_by_path() {
        let folder = folder(&[
            ("Inter-Bold.otf", "z.otf"),
            ("Inter-Bold.otf", "a.otf"),
            ("Inter-Bold.otf", "m.otf"),
        ]);
        let found = resolve_fonts_in(&ask("Inter", 700), &[folder.path().to_owned()]).unwrap();
        assert!(found[0].1.ends_with("a.otf"));
    }

    #[test]
    fn an_unknown_family_names_close_ones_and_the_package() {
        let folder = folder(&[("Inter-Bold.otf", "a.otf")]);
        let folders = [folder.path().to_owned()];
        let failure = resolve_fonts_in(&ask("Intre", 700), &folders).unwrap_err();
        assert_eq!(failure.class, FailureClass::Input);
        assert!(failure.message.contains("`Intre`"), "{}", failure.message);
        assert!(failure.hint.contains("`Inter`"), "{}", failure.hint);
        let nothing = resolve_fonts_in(&ask("Inter", 700), &[]).unwrap_err();
        assert!(nothing.hint.contains("fonts-inter"), "{}", nothing.hint);
        let strange = resolve_fonts_in(&ask("Quux Grotesk", 700), &folders).unwrap_err();
        assert!(!strange.hint.contains("close"), "{}", strange.hint);
    }

    #[test]
    fn folders_that_do_not_exist_are_no_trouble() {
        let folder = folder(&[("Inter-Bold.otf", "a.otf")]);
        std::fs::write(folder.path().join("broken.otf"), b"not a font").unwrap();
        std::fs::write(folder.path().join("empty.ttf"), b"").unwrap();
        let folders = [PathBuf::from("/nonexistent"), folder.path().to_owned()];
        assert!(resolve_fonts_in(&ask("inter", 700), &folders).is_ok());
    }

    #[test]
    fn distances_count_letters() {
        assert_eq!(edit_distance("inter", "inter"), 0);
        assert_eq!(edit_distance("intre", "inter"), 2);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}

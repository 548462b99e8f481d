//! The fonts of one segment, and nothing else: the machine's fonts are invisible here.
//!
//! Neighbours: `layout` shapes with it; `font_search` (which finds files on the machine) is another matter. Every
//! face is registered under a name of its own, so that the face asked for is the face drawn, whatever its name
//! tables say.

use std::sync::Arc;

use fenta_templates::timeline::{FontFace, FontRequest};
use parley::fontique::{Blob, Collection, CollectionOptions, FontInfoOverride, SourceCache};
use parley::{FontContext, FontFamily, FontFamilyName, LayoutContext};
use swash::{FontRef, tag_from_bytes};

use super::error::TextError;

/// Which word a glyph belongs to; none for the space between words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WordTag(pub(super) Option<u16>);

struct Face {
    request: FontRequest,
    name: String,
    colour: bool,
}

/// The faces a segment may use, ready for shaping.
pub(super) struct FontLibrary {
    pub(super) context: FontContext,
    pub(super) layout: LayoutContext<WordTag>,
    faces: Vec<Face>,
}

impl FontLibrary {
    pub(super) fn new(fonts: &[(FontFace, Arc<Vec<u8>>)]) -> Result<Self, TextError> {
        let mut collection = Collection::new(CollectionOptions {
            shared: false,
            system_fonts: false,
        });
        let mut faces = Vec::with_capacity(fonts.len());
        for (number, (face, blob)) in fonts.iter().enumerate() {
            faces.push(register(&mut collection, number, face, blob)?);
        }
        Ok(Self {
            context: FontContext {
                collection,
                source_cache: SourceCache::default(),
            },
            layout: LayoutContext::new(),
            faces,
        })
    }

    pub(super) fn has_emoji(&self) -> bool {
        self.faces.iter().any(|face| face.colour)
    }

    /// The face asked for, then emoji, then the others in the order given: an emoji must not fall to a text font
    /// that happens to have a black and white drawing of it.
    pub(super) fn text_stack(&self, request: &FontRequest) -> Result<FontFamily<'_>, TextError> {
        let first = self
            .faces
            .iter()
            .position(|face| face.request == *request)
            .ok_or_else(|| TextError::FontNotGiven(request.clone()))?;
        let mut order: Vec<usize> = (0..self.faces.len()).collect();
        order.sort_by_key(|&i| (i != first, !self.faces[i].colour));
        Ok(self.stack(order))
    }

    /// Emoji fonts first.
    pub(super) fn emoji_stack(&self) -> FontFamily<'_> {
        let mut order: Vec<usize> = (0..self.faces.len()).collect();
        order.sort_by_key(|&i| !self.faces[i].colour);
        self.stack(order)
    }

    fn stack(&self, order: Vec<usize>) -> FontFamily<'_> {
        let names: Vec<FontFamilyName<'_>> = order
            .into_iter()
            .map(|i| FontFamilyName::named(&self.faces[i].name))
            .collect();
        FontFamily::List(names.into())
    }
}

fn register(
    collection: &mut Collection,
    number: usize,
    face: &FontFace,
    blob: &Arc<Vec<u8>>,
) -> Result<Face, TextError> {
    let unreadable = || TextError::FontUnreadable {
        request: face.request.clone(),
        index: face.index,
    };
    let font = FontRef::from_index(blob, face.index as usize).ok_or_else(unreadable)?;
    let colour = is_colour_font(&font);
    let name = format!("fenta-face-{number}");
    let data = single_face(blob, face.index).ok_or_else(unreadable)?;
    let registered = collection.register_fonts(
        Blob::new(data),
        Some(FontInfoOverride {
            family_name: Some(&name),
            ..FontInfoOverride::default()
        }),
    );
    if registered.is_empty() {
        return Err(unreadable());
    }
    Ok(Face {
        request: face.request.clone(),
        name,
        colour,
    })
}

/// Whether the font draws in colours of its own.
fn is_colour_font(font: &FontRef<'_>) -> bool {
    font.color_strikes().next().is_some()
        || [b"COLR", b"SVG "]
            .into_iter()
            .any(|tag| font.table(tag_from_bytes(tag)).is_some())
}

/// A collection file narrowed to one face: its header is rewritten to list only that face (all offsets inside a
/// collection count from the start of the file, so nothing else moves). Registering the whole collection under one
/// name would leave the choice of the face to matching.
fn single_face(blob: &Arc<Vec<u8>>, index: u32) -> Option<Arc<Vec<u8>>> {
    if blob.get(..4)? != b"ttcf" {
        return Some(Arc::clone(blob));
    }
    let entry = 12 + index as usize * 4;
    let offset: [u8; 4] = blob.get(entry..entry + 4)?.try_into().ok()?;
    let mut narrowed = blob.as_ref().clone();
    narrowed
        .get_mut(8..12)?
        .copy_from_slice(&1u32.to_be_bytes());
    narrowed.get_mut(12..16)?.copy_from_slice(&offset);
    Some(Arc::new(narrowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fixtures::{fonts, inter, request};

    #[test]
    fn a_file_that_is_no_font_is_named() {
        let mut given = inter();
        given[0].1 = Arc::new(b"not a font at all".to_vec());
        let error = FontLibrary::new(&given).err();
        assert!(
            matches!(error, Some(TextError::FontUnreadable { index: 0, .. })),
            "{error:?}"
        );
        let mut given = inter();
        given[0].0.index = 3;
        assert!(
            FontLibrary::new(&given).is_err(),
            "a face that the file does not have"
        );
    }

    #[test]
    fn the_face_asked_for_comes_first_and_emoji_second() {
        let given = fonts(&[
            ("Noto Sans", 400),
            ("Inter", 800),
            ("Noto Color Emoji", 400),
        ]);
        let library = FontLibrary::new(&given).unwrap();
        assert!(library.has_emoji());
        let names = |stack: FontFamily<'_>| match stack {
            FontFamily::List(names) => names
                .iter()
                .map(|name| format!("{name:?}"))
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let stack = names(library.text_stack(&request("Inter", 800)).unwrap());
        for (name, number) in stack.iter().zip(["1", "2", "0"]) {
            assert!(name.contains(&format!("fenta-face-{number}")), "{stack:?}");
        }
        assert!(names(library.emoji_stack())[0].contains("fenta-face-2"));
    }

    #[test]
    fn the_machine_s_own_fonts_are_invisible() {
        let mut library = FontLibrary::new(&inter()).unwrap();
        let families: Vec<&str> = library.context.collection.family_names().collect();
        assert_eq!(families, ["fenta-face-0"]);
    }

    /// A collection of two copies of a font, built by hand.
    fn collection(font: &[u8]) -> Vec<u8> {
        let header = 12 + 2 * 4;
        let mut file = b"ttcf\0\x01\0\0\0\0\0\x02".to_vec();
        for i in 0..2u32 {
            file.extend((header + i * font.len() as u32).to_be_bytes());
        }
        for i in 0..2u32 {
            let start = header + i * font.len() as u32;
            let mut copy = font.to_vec();
            let tables = usize::from(u16::from_be_bytes([copy[4], copy[5]]));
            for table in 0..tables {
                let at = 12 + table * 16 + 8;
                let offset = u32::from_be_bytes(copy[at..at + 4].try_into().unwrap());
                copy[at..at + 4].copy_from_slice(&(offset + start).to_be_bytes());
            }
            file.extend(copy);
        }
        file
    }

    #[test]
    fn one_face_of_a_collection_is_narrowed_to_itself() {
        let given = inter();
        let both = Arc::new(collection(&given[0].1));
        for index in 0..2 {
            let one = single_face(&both, index).unwrap();
            assert_eq!(one.len(), both.len());
            let narrowed = FontRef::from_index(&one, 0).unwrap();
            assert!(FontRef::from_index(&one, 1).is_none());
            let original = FontRef::from_index(&both, index as usize).unwrap();
            assert_eq!(narrowed.offset, original.offset);
            assert_ne!(narrowed.charmap().map('A'), 0);
        }
        assert!(
            single_face(&both, 9).is_none()
                || single_face(&both, 9).is_some_and(|f| FontRef::from_index(&f, 0).is_none())
        );
    }
}

//! Fonts: asked for by family and weight, resolved to a blob before anything is drawn.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::timeline::font_fallback;

/// A face as a template names it, for example `Inter:800`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FontRequest {
    /// Family name.
    pub family: String,
    /// CSS weight, 100-900.
    pub weight: u16,
}

impl FontRequest {
    /// The faces a text in this one needs: itself, and those for scripts and symbols that text faces do not carry.
    pub fn needed_for(&self, text: &str) -> Vec<Self> {
        let mut needed = vec![self.clone()];
        needed.extend(font_fallback::candidates_for(text, self.weight));
        needed
    }
}

/// A face found on this machine, pinned by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FontFace {
    /// What was asked for.
    pub request: FontRequest,
    /// The font file.
    pub file: Digest,
    /// Face index inside the file (collections).
    pub index: u32,
}

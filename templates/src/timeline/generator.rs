//! Pictures made from nothing: seeded procedural motion.

use serde::{Deserialize, Serialize};

use crate::color::Color;

/// Which procedural picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// One flat colour, the palette's first.
    Solid,
    /// Large blobs of colour flowing into each other.
    Gradient,
    /// Soft out-of-focus lights drifting.
    Bokeh,
    /// Small bright particles rising through haze.
    Particles,
    /// Layered translucent waves.
    Waves,
    /// Curtains of northern light.
    Aurora,
}

/// A procedural picture: a pure function of (look, seed, palette, canvas, source time).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generator {
    /// Which picture.
    pub look: Look,
    /// Where its variation comes from.
    pub seed: u64,
    /// Two to five colours, darkest first.
    pub palette: Vec<Color>,
}

//! Captions from word times to pixels: the highlight lies on the word that is spoken, in every script and with every
//! preset, and begins in the frame in which the word does.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bench;
mod hostile;
mod onset;
mod pixels;
mod scripts;

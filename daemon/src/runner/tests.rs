//! The whole runner over stand-in renderers.

//! Templates: rules that turn clips, words and texts into a timeline.

//! Watches over a whole runner.

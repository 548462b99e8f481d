//! Things made once and kept: pictures of visual states.
//!
//! Neighbours: `caption` and `overlay` keep what they draw here. Nothing is ever dropped before the painter is: a
//! segment is two seconds long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Values by key, made when first asked for; may be shared between threads.
pub(super) struct Memo<K, V> {
    made: Mutex<HashMap<K, V>>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self {
            made: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// The value of a key. Two threads that ask at the same time may both make it: the lock is not held meanwhile, so
    /// that one slow picture does not hold up the others.
    pub(super) fn get_or_make(&self, key: K, make: impl FnOnce() -> V) -> V {
        let known = self.lock().get(&key).cloned();
        known.unwrap_or_else(|| {
            let value = make();
            self.lock().entry(key).or_insert(value).clone()
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, V>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_per_key() {
        let memo = Memo::default();
        let mut made = Vec::new();
        for key in [1, 2, 1, 1, 2] {
            let value = memo.get_or_make(key, || {
                made.push(key);
                key * 10
            });
            assert_eq!(value, key * 10);
        }
        assert_eq!(made, [1, 2]);
    }
}

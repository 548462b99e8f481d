//! Names of the turns of a node with `for_each`: `footage[3]` is a turn of `footage`.
//!
//! Ids of nodes have no brackets, so nothing else looks like this.

/// The node a turn belongs to; `None` for a node itself.
pub(crate) fn node_of(name: &str) -> Option<&str> {
    let (node, index) = name.strip_suffix(']')?.split_once('[')?;
    index
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(node)
}

/// Whether something is this node or one of its turns.
pub(crate) fn is_of(name: &str, node: &str) -> bool {
    name == node || node_of(name) == Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_told_from_nodes() {
        assert_eq!(node_of("footage[12]"), Some("footage"));
        assert_eq!(node_of("footage"), None);
        assert_eq!(node_of("a[b]"), None);
        assert!(is_of("cut[0]", "cut") && is_of("cut", "cut"));
        assert!(!is_of("cut2", "cut") && !is_of("cut[0]", "cu"));
    }
}

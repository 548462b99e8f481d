//! The last pass: an order in which every node comes after those it waits for, or the circles that make one impossible.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::NodeId;
use super::read::RawWorkflow;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};

/// Most nodes of a circle that are shown.
const MAX_SHOWN: usize = 8;

/// The nodes in order. Of several possible orders the one nearest the document's is taken, so that it never changes by
/// chance.
pub(super) fn order(raw: &RawWorkflow, found: &mut Diagnostics) -> Vec<NodeId> {
    let names: Vec<&str> = raw.nodes.keys().map(String::as_str).collect();
    let index: HashMap<&str, usize> = names
        .iter()
        .enumerate()
        .map(|(i, name)| (*name, i))
        .collect();
    let waits: Vec<BTreeMap<usize, Span>> = raw
        .nodes
        .values()
        .map(|node| {
            node.waits_for()
                .into_iter()
                .filter_map(|(name, span)| Some((*index.get(name)?, span)))
                .collect()
        })
        .collect();
    let edges: Vec<BTreeSet<usize>> = waits
        .iter()
        .map(|waits| waits.keys().copied().collect())
        .collect();
    match topological(&edges) {
        Ok(order) => order.into_iter().map(|i| NodeId::new(names[i])).collect(),
        Err(cycles) => {
            for cycle in cycles {
                found.push(cycle_diagnostic(&cycle, &names, &waits));
            }
            Vec::new()
        }
    }
}

/// Indices in order, each after those it waits for; or one circle per group of nodes that wait for each other.
fn topological(waits: &[BTreeSet<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut waiting: Vec<usize> = waits.iter().map(BTreeSet::len).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
    for (node, waits) in waits.iter().enumerate() {
        for wait in waits {
            users[*wait].push(node);
        }
    }
    let mut ready: BTreeSet<usize> = (0..waits.len()).filter(|i| waiting[*i] == 0).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for user in &users[next] {
            waiting[*user] -= 1;
            if waiting[*user] == 0 {
                ready.insert(*user);
            }
        }
    }
    if order.len() == waits.len() {
        return Ok(order);
    }
    Err(cycles(waits))
}

/// One circle for every group of nodes that all wait for each other. Takes time in proportion to the references.
fn cycles(waits: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let groups = groups(waits);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(node);
    }
    let mut cycles: Vec<Vec<usize>> = members
        .values()
        .filter(|nodes| nodes.len() > 1 || waits[nodes[0]].contains(&nodes[0]))
        .filter_map(|nodes| walk(nodes[0], waits, &groups))
        .collect();
    cycles.sort();
    cycles
}

/// The group of each node: two nodes are in one when each waits for the other, however far around. (Tarjan's strongly
/// connected components, with a stack of its own instead of recursion.)
fn groups(waits: &[BTreeSet<usize>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let count = waits.len();
    let (mut number, mut low, mut group) = (vec![NEW; count], vec![0; count], vec![NEW; count]);
    let mut open = Vec::new();
    let mut next = 0;
    for root in 0..count {
        let mut visits = if number[root] == NEW {
            vec![(root, waits[root].iter())]
        } else {
            Vec::new()
        };
        while let Some((node, rest)) = visits.last_mut() {
            let node = *node;
            if number[node] == NEW {
                number[node] = next;
                low[node] = next;
                next += 1;
                open.push(node);
            }
            if let Some(wait) = rest.next() {
                if number[*wait] == NEW {
                    visits.push((*wait, waits[*wait].iter()));
                } else if group[*wait] == NEW {
                    low[node] = low[node].min(number[*wait]);
                }
                continue;
            }
            visits.pop();
            if let Some((user, _)) = visits.last() {
                low[*user] = low[*user].min(low[node]);
            }
            if low[node] == number[node] {
                while let Some(member) = open.pop() {
                    group[member] = node;
                    if member == node {
                        break;
                    }
                }
            }
        }
    }
    group
}

/// Follows the first wait inside the group until a node comes twice; the circle begins with its smallest member.
fn walk(from: usize, waits: &[BTreeSet<usize>], groups: &[usize]) -> Option<Vec<usize>> {
    let mut path = Vec::new();
    let mut place = HashMap::new();
    let mut at = from;
    while !place.contains_key(&at) {
        place.insert(at, path.len());
        path.push(at);
        at = *waits[at]
            .iter()
            .find(|wait| groups[**wait] == groups[from])?;
    }
    let mut cycle = path.split_off(place[&at]);
    let smallest = (0..cycle.len()).min_by_key(|i| cycle[*i])?;
    cycle.rotate_left(smallest);
    Some(cycle)
}

fn cycle_diagnostic(
    cycle: &[usize],
    names: &[&str],
    waits: &[BTreeMap<usize, Span>],
) -> Diagnostic {
    let path: Vec<&str> = cycle
        .iter()
        .chain(cycle.first())
        .map(|node| names[*node])
        .collect();
    let shown = cycle.len().min(MAX_SHOWN);
    let place = |i: usize| waits[cycle[i]][&cycle[(i + 1) % cycle.len()]];
    let message = if cycle.len() == 1 {
        format!("the node `{}` waits for itself", path[0])
    } else if shown < cycle.len() {
        let begin = path[..shown].join(" -> ");
        format!(
            "{} nodes wait for each other: {begin} -> ... -> {}",
            cycle.len(),
            path[0]
        )
    } else {
        format!("these nodes wait for each other: {}", path.join(" -> "))
    };
    let mut diagnostic = Diagnostic::error(codes::CYCLE, place(0), message)
        .at(format!("`{}` waits for `{}` here", path[0], path[1]));
    for i in 1..shown {
        diagnostic = diagnostic.label(
            place(i),
            format!("`{}` waits for `{}` here", path[i], path[i + 1]),
        );
    }
    diagnostic.hint("remove one of these references")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(edges: &[&[usize]]) -> Vec<BTreeSet<usize>> {
        edges
            .iter()
            .map(|waits| waits.iter().copied().collect())
            .collect()
    }

    #[test]
    fn order_is_the_documents_where_that_is_possible() {
        assert_eq!(topological(&graph(&[&[], &[], &[]])), Ok(vec![0, 1, 2]));
        assert_eq!(topological(&graph(&[&[2], &[], &[]])), Ok(vec![1, 2, 0]));
    }

    // spec: W-44
    #[test]
    fn every_circle_is_found_once() {
        let cycles = topological(&graph(&[&[1], &[0], &[3], &[2], &[4], &[0]])).unwrap_err();
        assert_eq!(cycles, [vec![0, 1], vec![2, 3], vec![4]]);
        let cycles = topological(&graph(&[&[2], &[], &[1, 3], &[0]])).unwrap_err();
        assert_eq!(cycles, [vec![0, 2, 3]]);
    }

    #[test]
    fn large_graphs_take_no_time() {
        let chain: Vec<BTreeSet<usize>> = (0..20_000_usize)
            .map(|node| BTreeSet::from([node.saturating_sub(1)]))
            .collect();
        assert_eq!(topological(&chain), Err(vec![vec![0]]));
        let ring: Vec<BTreeSet<usize>> = (0..20_000_usize)
            .map(|node| BTreeSet::from([(node + 1) % 20_000]))
            .collect();
        assert_eq!(topological(&ring).unwrap_err()[0].len(), 20_000);
    }

    proptest! {
        #[test]
        fn orders_respect_every_edge(seed in proptest::collection::vec(
            proptest::collection::btree_set(0_usize..12, 0..4), 1..12
        )) {
            let count = seed.len();
            let waits: Vec<BTreeSet<usize>> = seed
                .into_iter()
                .map(|set| set.into_iter().filter(|to| *to < count).collect())
                .collect();
            match topological(&waits) {
                Ok(order) => {
                    prop_assert_eq!(order.len(), count);
                    let place: HashMap<usize, usize> =
                        order.iter().enumerate().map(|(at, node)| (*node, at)).collect();
                    for (node, waits) in waits.iter().enumerate() {
                        for wait in waits {
                            prop_assert!(place[wait] < place[&node]);
                        }
                    }
                }
                Err(cycles) => {
                    prop_assert!(!cycles.is_empty());
                    for cycle in cycles {
                        for (i, node) in cycle.iter().enumerate() {
                            prop_assert!(waits[*node].contains(&cycle[(i + 1) % cycle.len()]));
                        }
                    }
                }
            }
        }
    }
}

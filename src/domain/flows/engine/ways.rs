//! Ways over nodes and edges: what is come to from where, circles, an order. Nothing here calls itself: a way may be as long as there are nodes.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// Nodes by number, and what each leads to.
#[derive(Debug, Default)]
pub(in crate::domain::flows) struct Ways<'a> {
    names: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
    next: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
}

impl<'a> Ways<'a> {
    /// Of nodes by their names, and edges between these; edges to others are left out.
    pub(in crate::domain::flows) fn of(
        names: impl IntoIterator<Item = &'a str>,
        edges: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut ways = Self::default();
        for name in names {
            if !ways.numbers.contains_key(name) {
                ways.numbers.insert(name, ways.names.len());
                ways.names.push(name);
            }
        }
        ways.next = vec![Vec::new(); ways.names.len()];
        ways.before = vec![Vec::new(); ways.names.len()];
        for (from, to) in edges {
            if let (Some(from), Some(to)) = (ways.number(from), ways.number(to)) {
                ways.next[from].push(to);
                ways.before[to].push(from);
            }
        }
        ways
    }

    /// The number of a node.
    pub(in crate::domain::flows) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// The names of nodes.
    pub(in crate::domain::flows) fn named(&self, numbers: &[usize]) -> Vec<String> {
        numbers.iter().filter_map(|number| self.names.get(*number)).map(|name| (*name).to_owned()).collect()
    }

    /// How many nodes there are.
    pub(in crate::domain::flows) fn len(&self) -> usize {
        self.names.len()
    }

    /// Nodes that nothing leads to.
    pub(in crate::domain::flows) fn firsts(&self) -> Vec<usize> {
        (0..self.len()).filter(|number| self.before[*number].is_empty()).collect()
    }

    /// Nodes that lead nowhere.
    pub(in crate::domain::flows) fn lasts(&self) -> Vec<usize> {
        (0..self.len()).filter(|number| self.next[*number].is_empty()).collect()
    }

    /// What is come to from these, themselves included.
    pub(in crate::domain::flows) fn from(&self, starts: &[usize]) -> Vec<bool> {
        spread(&self.next, starts)
    }

    /// From where these are come to, themselves included.
    pub(in crate::domain::flows) fn to(&self, ends: &[usize]) -> Vec<bool> {
        spread(&self.before, ends)
    }

    /// What hangs together with a node, whichever way edges lead.
    pub(in crate::domain::flows) fn around(&self, start: usize) -> Vec<bool> {
        let both: Vec<Vec<usize>> = self
            .next
            .iter()
            .zip(&self.before)
            .map(|(next, before)| next.iter().chain(before).copied().collect())
            .collect();
        spread(&both, &[start])
    }

    /// The shortest way from one to another, both included; more than one step long where they are the same.
    pub(in crate::domain::flows) fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut came: Vec<Option<usize>> = vec![None; self.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            for next in &self.next[at] {
                if *next == to {
                    let mut way = vec![to, at];
                    let mut back = at;
                    while back != from {
                        back = came[back]?;
                        way.push(back);
                    }
                    way.reverse();
                    return Some(way);
                }
                if came[*next].is_none() && *next != from {
                    came[*next] = Some(at);
                    queue.push_back(*next);
                }
            }
        }
        None
    }

    /// An order in which each comes after those that lead to it; of several that could be next the first by name. Those of circles, and what
    /// comes after them, are left out.
    pub(in crate::domain::flows) fn ordered(&self) -> Vec<usize> {
        let mut waits: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut free: BTreeSet<(&str, usize)> =
            self.firsts().into_iter().map(|number| (self.names[number], number)).collect();
        let mut order = Vec::new();
        while let Some((_, number)) = free.pop_first() {
            order.push(number);
            for next in &self.next[number] {
                waits[*next] -= 1;
                if waits[*next] == 0 {
                    free.insert((self.names[*next], *next));
                }
            }
        }
        order
    }

    /// A circle, if there is one: the shortest through its first node, which is named at both ends.
    pub(in crate::domain::flows) fn circle(&self) -> Option<Vec<usize>> {
        let ordered: BTreeSet<usize> = self.ordered().into_iter().collect();
        (0..self.len()).filter(|number| !ordered.contains(number)).find_map(|number| self.way(number, number))
    }
}

fn spread(next: &[Vec<usize>], starts: &[usize]) -> Vec<bool> {
    let mut seen = vec![false; next.len()];
    let mut open: Vec<usize> = starts.to_vec();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(next[at].iter().copied().filter(|one| !seen[*one]));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(edges: &'static [(&'static str, &'static str)]) -> Ways<'static> {
        Ways::of(["a", "b", "c", "d", "e"], edges.iter().copied())
    }

    #[test]
    fn circles_are_found_and_shown_and_an_order_is_by_name() {
        let plain = ways(&[("a", "c"), ("b", "c"), ("c", "d")]);
        assert_eq!(plain.named(&plain.ordered()), ["a", "b", "c", "d", "e"]);
        assert_eq!(plain.circle(), None);
        let round = ways(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("c", "b"), ("d", "e")]);
        assert_eq!(round.named(&round.circle().unwrap()), ["b", "c", "b"]);
        assert_eq!(round.named(&round.ordered()), ["a"]);
        let own = ways(&[("c", "c")]);
        assert_eq!(own.named(&own.circle().unwrap()), ["c", "c"]);
    }

    #[test]
    fn ways_are_the_shortest() {
        let two = ways(&[("a", "b"), ("b", "c"), ("c", "d"), ("a", "c")]);
        let (from, to) = (two.number("a").unwrap(), two.number("d").unwrap());
        assert_eq!(two.named(&two.way(from, to).unwrap()), ["a", "c", "d"]);
        assert_eq!(two.way(to, from), None);
        assert_eq!(two.from(&[two.number("b").unwrap()]), [false, true, true, true, false]);
        assert_eq!(two.to(&[two.number("b").unwrap()]), [true, true, false, false, false]);
        assert_eq!(two.around(0), [true, true, true, true, false]);
    }

    #[test]
    fn a_long_way_is_walked() {
        let names: Vec<String> = (0..100_000).map(|number| format!("n{number}")).collect();
        let edges = names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str()));
        let long = Ways::of(names.iter().map(String::as_str), edges);
        assert_eq!((long.ordered().len(), long.circle()), (100_000, None));
        assert_eq!(long.way(0, 99_999).unwrap().len(), 100_000);
    }
}

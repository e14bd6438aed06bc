//! Searching what was not folded away: every marking that can come up, up to a bound. A place holds one token at most where all is well, so
//! a marking is the set of places that hold one.

use std::collections::{BTreeSet, HashMap};

use super::net::{Knot, Net, Tie};
use super::{Defect, DefectKind, Verdict};
use crate::domain::processes::engine::graph::{EdgeIndex, NodeIndex};

/// The most markings that are looked at.
pub const MOST_MARKINGS: usize = 20_000;
/// The most ways that part in one knot of which any may be taken: each more doubles what can follow.
const MOST_APART: usize = 10;

/// A set of places.
type Marking = Box<[u64]>;

/// How a marking came up.
struct Seen {
    marking: Marking,
    /// The marking before, and what was chosen there.
    by: Option<(usize, Vec<(NodeIndex, EdgeIndex)>)>,
    next: Vec<usize>,
}

struct Search<'a> {
    net: &'a Net,
    seen: Vec<Seen>,
    numbers: HashMap<Marking, usize>,
    defects: Vec<Defect>,
    /// For a join that waits for what may still come: the places from which a token can come to each of its places.
    upstream: HashMap<(usize, usize), Vec<bool>>,
    ran: BTreeSet<usize>,
}

/// Searches a net from its beginning.
pub(super) fn search(net: &Net) -> Verdict {
    if net.spots.get(net.first).is_none_or(Option::is_none) {
        return Verdict::Sound;
    }
    from(net, &[net.first], MOST_MARKINGS, true)
}

/// Searches a net from tokens in these places; whether all of it is come to is asked only where it begins at its beginning.
pub(super) fn from(net: &Net, places: &[usize], most: usize, whole: bool) -> Verdict {
    let mut search = Search {
        net,
        seen: Vec::new(),
        numbers: HashMap::new(),
        defects: Vec::new(),
        upstream: HashMap::new(),
        ran: BTreeSet::new(),
    };
    let mut first: Marking = vec![0; net.spots.len().div_ceil(64).max(1)].into();
    for place in places {
        set(&mut first, *place);
    }
    search.come(first, None);
    let mut at = 0;
    while at < search.seen.len() {
        if search.seen.len() > most || !search.follow(at) {
            return if search.defects.is_empty() {
                Verdict::Unknown
            } else {
                Verdict::Unsound(distinct(search.defects))
            };
        }
        at += 1;
    }
    search.endless();
    if whole && search.defects.is_empty() {
        search.never();
    }
    if search.defects.is_empty() { Verdict::Sound } else { Verdict::Unsound(distinct(search.defects)) }
}

/// One defect of each kind at each node: the one with the shortest example.
fn distinct(mut defects: Vec<Defect>) -> Vec<Defect> {
    defects.sort_by_key(|one| (one.node, one.kind, one.example.len()));
    defects.dedup_by_key(|one| (one.node, one.kind));
    defects
}

impl Search<'_> {
    /// The number of a marking, which is new or was seen.
    fn come(&mut self, marking: Marking, by: Option<(usize, Vec<(NodeIndex, EdgeIndex)>)>) -> usize {
        if let Some(number) = self.numbers.get(&marking) {
            return *number;
        }
        let number = self.seen.len();
        self.numbers.insert(marking.clone(), number);
        self.seen.push(Seen { marking, by, next: Vec::new() });
        number
    }

    /// All that can follow a marking; false where that is too much.
    fn follow(&mut self, at: usize) -> bool {
        let marking = self.seen[at].marking.clone();
        if is_empty(&marking) {
            return true;
        }
        let mut moved = false;
        for number in 0..self.net.ties.len() {
            let Some(tie) = &self.net.ties[number] else { continue };
            let taken = self.taken(number, tie, &marking);
            for took in taken {
                moved = true;
                self.ran.insert(number);
                let Some(given) = ways(tie) else { return false };
                for gave in given {
                    self.go(at, tie, &marking, &took, &gave);
                }
            }
        }
        if !moved {
            self.stuck(at, &marking);
        }
        true
    }

    /// The sets of tokens that a knot can take now.
    fn taken(&mut self, number: usize, tie: &Tie, marking: &Marking) -> Vec<Vec<usize>> {
        let full: Vec<usize> = tie.from.iter().copied().filter(|spot| has(marking, *spot)).collect();
        if full.is_empty() {
            return Vec::new();
        }
        match tie.knot {
            Knot::One | Knot::FirstAndSome | Knot::End | Knot::EndAll => {
                full.into_iter().map(|spot| vec![spot]).collect()
            }
            Knot::All => {
                if full.len() == tie.from.len() {
                    vec![full]
                } else {
                    Vec::new()
                }
            }
            Knot::Some => {
                if self.more_can_come(number, tie, marking, &full) {
                    Vec::new()
                } else {
                    vec![full]
                }
            }
        }
    }

    /// Whether a token elsewhere can still come to a place of the knot that is empty, and is not one that would come to a full one.
    fn more_can_come(&mut self, number: usize, tie: &Tie, marking: &Marking, full: &[usize]) -> bool {
        let empty: Vec<usize> = tie.from.iter().copied().filter(|spot| !has(marking, *spot)).collect();
        let elsewhere: Vec<usize> =
            (0..self.net.spots.len()).filter(|spot| has(marking, *spot) && !tie.from.contains(spot)).collect();
        for spot in empty {
            for token in &elsewhere {
                if self.comes_to(number, spot)[*token] && !full.iter().any(|full| self.comes_to(number, *full)[*token])
                {
                    return true;
                }
            }
        }
        false
    }

    /// From which places a token can come to a place without passing the knot that takes from it.
    fn comes_to(&mut self, number: usize, spot: usize) -> &[bool] {
        let net = self.net;
        self.upstream.entry((number, spot)).or_insert_with(|| {
            let mut reached = vec![false; net.spots.len()];
            let mut todo = vec![spot];
            while let Some(one) = todo.pop() {
                let Some(of) = net.spots[one].and_then(|place| place.of).filter(|of| *of != number) else { continue };
                for before in net.ties[of].iter().flat_map(|tie| &tie.from) {
                    if !std::mem::replace(&mut reached[*before], true) {
                        todo.push(*before);
                    }
                }
            }
            reached
        })
    }

    /// Takes and gives.
    fn go(&mut self, at: usize, tie: &Tie, marking: &Marking, took: &[usize], gave: &[usize]) {
        let mut after = marking.clone();
        for spot in took {
            unset(&mut after, *spot);
        }
        if tie.knot == Knot::EndAll {
            after.fill(0);
        }
        let mut chosen = Vec::new();
        if gave.len() < tie.to.len() {
            chosen.extend(gave.iter().filter_map(|spot| Some((tie.node, self.net.spots[*spot]?.edge?))));
        }
        for spot in gave {
            let Some(next) = self.net.taker(*spot) else { continue };
            // What comes straight to an end is taken at once, with all else where it ends all.
            let straight = self.net.spots[*spot].is_some_and(|place| !place.counts);
            match next.knot {
                Knot::End if straight => continue,
                Knot::EndAll if straight => {
                    after.fill(0);
                    break;
                }
                _ => {}
            }
            if let Some(place) = self.net.spots[*spot].filter(|_| has(&after, *spot)) {
                let mut example = self.example(at);
                example.extend(chosen);
                self.defects.push(Defect { kind: DefectKind::Twice, node: place.at, example });
                return;
            }
            set(&mut after, *spot);
        }
        let number = self.come(after, Some((at, chosen)));
        self.seen[at].next.push(number);
    }

    /// Nothing can go on: the joins that have something wait for ever.
    fn stuck(&mut self, at: usize, marking: &Marking) {
        let example = self.example(at);
        let waiting: BTreeSet<NodeIndex> = (0..self.net.spots.len())
            .filter(|spot| has(marking, *spot))
            .filter_map(|spot| self.net.taker(spot).map(|tie| tie.node))
            .collect();
        for node in waiting {
            self.defects.push(Defect { kind: DefectKind::Stuck, node, example: example.clone() });
        }
    }

    /// Markings from which the empty one cannot be reached, and which are not stuck.
    fn endless(&mut self) {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.seen.len()];
        for (number, seen) in self.seen.iter().enumerate() {
            for next in &seen.next {
                before[*next].push(number);
            }
        }
        // What ends in a defect that is told already is not told again.
        let ends = |seen: &Seen| is_empty(&seen.marking) || seen.next.is_empty();
        let mut fine: Vec<bool> = vec![false; self.seen.len()];
        let mut todo: Vec<usize> = (0..self.seen.len()).filter(|number| ends(&self.seen[*number])).collect();
        while let Some(number) = todo.pop() {
            if !std::mem::replace(&mut fine[number], true) {
                todo.extend(&before[number]);
            }
        }
        let Some(at) = fine.iter().position(|fine| !fine) else { return };
        let marking = self.seen[at].marking.clone();
        let node = (0..self.net.spots.len()).find(|spot| has(&marking, *spot)).and_then(|spot| self.net.taker(spot));
        if let Some(node) = node.map(|tie| tie.node) {
            let example = self.example(at);
            self.defects.push(Defect { kind: DefectKind::Endless, node, example });
        }
    }

    /// Knots that never had what they take.
    fn never(&mut self) {
        for (number, tie) in self.net.ties.iter().enumerate() {
            // What comes to an end is taken at once, so an end is not seen to run.
            if let Some(tie) =
                tie.as_ref().filter(|tie| !matches!(tie.knot, Knot::End | Knot::EndAll) && !self.ran.contains(&number))
            {
                self.defects.push(Defect { kind: DefectKind::Never, node: tie.node, example: Vec::new() });
            }
        }
    }

    /// What was chosen on the way to a marking.
    fn example(&self, at: usize) -> Vec<(NodeIndex, EdgeIndex)> {
        let mut choices = Vec::new();
        let mut at = Some(at);
        while let Some((before, chosen)) = at.and_then(|at| self.seen[at].by.as_ref()) {
            choices.push(chosen.clone());
            at = Some(*before);
        }
        choices.into_iter().rev().flatten().collect()
    }
}

/// The sets of places that a knot can give to; none where there are too many.
fn ways(tie: &Tie) -> Option<Vec<Vec<usize>>> {
    let subsets = |of: &[usize]| {
        (of.len() <= MOST_APART).then(|| {
            (0..1_usize << of.len())
                .map(|set| {
                    of.iter()
                        .enumerate()
                        .filter(|(bit, _)| set & (1 << bit) != 0)
                        .map(|(_, spot)| *spot)
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        })
    };
    match tie.knot {
        Knot::One => Some(tie.to.iter().map(|spot| vec![*spot]).collect()),
        Knot::All => Some(vec![tie.to.clone()]),
        Knot::Some if tie.to.is_empty() => Some(vec![Vec::new()]),
        Knot::Some => Some(subsets(&tie.to)?.into_iter().filter(|set| !set.is_empty()).collect()),
        Knot::FirstAndSome => {
            let (first, others) = tie.to.split_first()?;
            let with_first = |mut set: Vec<usize>| {
                set.insert(0, *first);
                set
            };
            Some(subsets(others)?.into_iter().map(with_first).collect())
        }
        Knot::End | Knot::EndAll => Some(vec![Vec::new()]),
    }
}

fn has(marking: &[u64], spot: usize) -> bool {
    marking[spot / 64] & (1 << (spot % 64)) != 0
}

fn set(marking: &mut [u64], spot: usize) {
    marking[spot / 64] |= 1 << (spot % 64);
}

fn unset(marking: &mut [u64], spot: usize) {
    marking[spot / 64] &= !(1 << (spot % 64));
}

fn is_empty(marking: &[u64]) -> bool {
    marking.iter().all(|word| *word == 0)
}

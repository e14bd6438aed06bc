//! Folding: parts of a net that are sound whatever is around them are drawn together, until nothing is left to fold. A process that is
//! built of whole blocks folds to one place before its end, however large it is.
//!
//! Each rule keeps what is judged. *Row*: a knot with one place before and one behind goes. *Twins*: two places between the same two knots
//! are one, where the second waits for what the first gives or takes all that comes. *Choice of choice*, *all of all*: two knots of a kind with one place between
//! them are one. *Round*: a choice that leads back to itself may as well not. *Loose end*: what is given
//! straight to an end, beside something else, goes. Where a place goes in which a second token would have been one too many, the place that is
//! left counts in its stead.

use super::net::{Knot, Net};

/// Folds what can be folded.
pub(super) fn fold(net: &mut Net) {
    let mut todo: Vec<usize> = (0..net.ties.len()).rev().collect();
    let mut waits = vec![true; net.ties.len()];
    while let Some(number) = todo.pop() {
        waits[number] = false;
        let around = at(net, number);
        if around.is_empty() {
            continue;
        }
        for one in around {
            if !std::mem::replace(&mut waits[one], true) {
                todo.push(one);
            }
        }
    }
}

/// Folds at a knot; answers the knots that may fold now.
fn at(net: &mut Net, number: usize) -> Vec<usize> {
    let Some(tie) = net.ties[number].clone() else { return Vec::new() };
    let passes = !matches!(tie.knot, Knot::End | Knot::EndAll);
    if passes && tie.from.len() == 1 && tie.to.len() == 1 && tie.from != tie.to {
        return row(net, number);
    }
    if let Some(second) = twin(net, number) {
        remove_spot(net, number, second)
    } else if let Some(round) = round(net, number) {
        remove_spot(net, number, round)
    } else if let Some(loose) = loose_end(net, number) {
        remove_spot(net, number, loose)
    } else if let Some(spot) = mergeable(net, number) {
        merge(net, number, spot)
    } else {
        Vec::new()
    }
}

/// The knot goes; the place before it leads where the place behind it led.
fn row(net: &mut Net, number: usize) -> Vec<usize> {
    let Some(tie) = net.ties[number].take() else { return Vec::new() };
    let (before, behind) = (tie.from[0], tie.to[0]);
    let Some(gone) = net.spots[behind].take() else { return Vec::new() };
    if let Some(spot) = &mut net.spots[before] {
        spot.to = gone.to;
    }
    net.counts_on(gone, &[before]);
    if let Some(Some(taker)) = net.ties.get_mut(gone.to) {
        for spot in taker.from.iter_mut().filter(|spot| **spot == behind) {
            *spot = before;
        }
    }
    giver(net, before).into_iter().chain([gone.to]).collect()
}

/// A place behind the knot that leads where another one leads, and the next knot waits for both or wants one.
fn twin(net: &Net, number: usize) -> Option<usize> {
    let tie = net.ties[number].as_ref()?;
    let fits = |next: Knot| {
        matches!(
            (tie.knot, next),
            (Knot::All, Knot::All | Knot::Some | Knot::End | Knot::EndAll)
                | (Knot::One, Knot::One | Knot::Some | Knot::FirstAndSome | Knot::End | Knot::EndAll)
                | (Knot::Some, Knot::Some | Knot::End | Knot::EndAll)
                | (Knot::FirstAndSome, Knot::End)
        )
    };
    let mut seen = std::collections::HashSet::new();
    tie.to.iter().copied().find(|spot| {
        let Some(Some(place)) = net.spots.get(*spot) else { return false };
        !seen.insert(place.to) && net.taker(*spot).is_some_and(|next| fits(next.knot))
    })
}

/// A place by which a choice leads back to itself, where it has another way.
fn round(net: &Net, number: usize) -> Option<usize> {
    let tie = net.ties[number].as_ref()?;
    let back = |spot: &usize| net.spots[*spot].as_ref().is_some_and(|place| place.to == number);
    (tie.knot == Knot::One && tie.to.iter().any(|spot| !back(spot))).then(|| tie.to.iter().copied().find(back))?
}

/// A place that leads to an end, beside another one that does not have to.
fn loose_end(net: &Net, number: usize) -> Option<usize> {
    let tie = net.ties[number].as_ref()?;
    if tie.to.len() < 2 {
        return None;
    }
    let straight = |spot: usize| net.spots[spot].is_some_and(|place| !place.counts);
    let ends = |spot: usize| straight(spot) && net.taker(spot).is_some_and(|next| next.knot == Knot::End);
    match tie.knot {
        Knot::All => tie.to.iter().copied().find(|spot| ends(*spot)),
        // Its first place is where it goes on.
        Knot::FirstAndSome => tie.to[1..].iter().copied().find(|spot| ends(*spot)),
        Knot::One | Knot::Some | Knot::End | Knot::EndAll => None,
    }
}

/// A place between this knot and another of its kind, which can be one.
fn mergeable(net: &Net, number: usize) -> Option<usize> {
    let tie = net.ties[number].as_ref()?;
    if !matches!(tie.knot, Knot::One | Knot::All) {
        return None;
    }
    tie.to.iter().copied().find(|spot| {
        let Some(next) = net.taker(*spot) else { return false };
        let other = net.spots[*spot].as_ref().is_some_and(|place| place.to != number);
        // Where ways meet in the next one, what passes between the two is not all that goes on: an end behind it could not count it.
        let counted = |spot: &usize| net.spots[*spot].is_some_and(|place| place.counts);
        let only =
            next.from.len() == 1 || (tie.to.len() == 1 && (next.knot == Knot::All || next.to.iter().all(counted)));
        other && next.knot == tie.knot && only
    })
}

/// Draws the knot behind a place into this one.
fn merge(net: &mut Net, number: usize, spot: usize) -> Vec<usize> {
    let Some(place) = net.spots[spot].take() else { return Vec::new() };
    let Some(next) = net.ties[place.to].take() else { return Vec::new() };
    let from: Vec<usize> = next.from.into_iter().filter(|one| *one != spot).collect();
    for one in &from {
        if let Some(moved) = &mut net.spots[*one] {
            moved.to = number;
        }
    }
    let mut around: Vec<usize> = vec![number];
    for one in from.iter().chain(&next.to) {
        around.extend(giver(net, *one));
        around.extend(net.spots[*one].map(|place| place.to));
    }
    if from.is_empty() {
        net.counts_on(place, &next.to);
    }
    let alone = next.to.len() == 1;
    for one in &next.to {
        if let Some(moved) = &mut net.spots[*one] {
            moved.of = Some(number);
            if alone {
                moved.edge = place.edge.or(moved.edge);
            }
        }
    }
    if let Some(tie) = &mut net.ties[number] {
        tie.to.retain(|one| *one != spot);
        tie.to.extend(next.to);
        tie.from.extend(from);
    }
    around.retain(|one| net.ties[*one].is_some());
    around
}

/// Takes a place away that the knot gives to.
fn remove_spot(net: &mut Net, number: usize, spot: usize) -> Vec<usize> {
    let Some(place) = net.spots[spot].take() else { return Vec::new() };
    if let Some(tie) = &mut net.ties[number] {
        tie.to.retain(|one| *one != spot);
        let left = tie.to.clone();
        net.counts_on(place, &left);
    }
    if let Some(Some(taker)) = net.ties.get_mut(place.to) {
        taker.from.retain(|one| *one != spot);
    }
    vec![number, place.to]
}

/// The knot that gives to a place.
fn giver(net: &Net, spot: usize) -> Option<usize> {
    net.spots[spot].and_then(|place| place.of)
}

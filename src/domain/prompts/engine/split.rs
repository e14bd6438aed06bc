//! Which of several versions somebody gets: by weight, and always the same for the same session.

use crate::kernel::seal::sha256;

/// The place of the one that a session gets among weights. Who has the same session gets the same one for as long as the
/// weights stay; where only the last ones grow, few change.
#[must_use]
pub fn chosen(weights: &[u32], salt: &str, session: &str) -> Option<usize> {
    let whole: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if whole == 0 {
        return None;
    }
    let digest = sha256(format!("{}:{salt}:{session}", salt.len()).as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(digest.get(..8)?);
    // Of 2^64 values and weights far below them no version gets more than its share that anybody could count.
    let mut place = u64::from_be_bytes(first) % whole;
    weights.iter().position(|weight| match place.checked_sub(u64::from(*weight)) {
        Some(rest) => {
            place = rest;
            false
        }
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_stay_and_are_spread_by_weight() {
        let of = |session: u32| chosen(&[90, 10], "summary/production", &session.to_string()).unwrap();
        let second = (0..10_000).filter(|session| of(*session) == 1).count();
        assert!((900..1100).contains(&second), "{second}");
        assert!((0..100).all(|session| of(session) == of(session)));
        // Another label is another throw.
        let other = |session: u32| chosen(&[90, 10], "summary/staging", &session.to_string()).unwrap();
        assert!((0..10_000).any(|session| of(session) != other(session)));
        assert_eq!(chosen(&[0, 5, 0], "s", "x"), Some(1));
        assert_eq!((chosen(&[], "s", "x"), chosen(&[0], "s", "x")), (None, None));
    }
}

//! Whether enough have answered, where several must.

use std::collections::BTreeMap;

use crate::domain::tasks::model::task::{Answer, Quorum};

/// The outcome where none can have enough answers any more and nothing else is said.
pub const NO_QUORUM: &str = "no_quorum";

/// What the answers so far come to; nothing while it is open. `members` is how many may answer, where the quorum does not say it.
#[must_use]
pub fn decided(quorum: &Quorum, members: usize, answers: &[Answer]) -> Option<String> {
    let needed = quorum.needed as usize;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for answer in answers {
        let count = counts.entry(&answer.outcome).or_default();
        *count += 1;
        if *count >= needed {
            return Some(answer.outcome.clone());
        }
    }
    let of = quorum.of.map_or(members, |of| of as usize);
    let left = of.saturating_sub(answers.len());
    let most = counts.values().copied().max().unwrap_or(0);
    (most + left < needed).then(|| quorum.otherwise.clone().unwrap_or_else(|| NO_QUORUM.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tasks::model::who::Who;
    use crate::kernel::id::UserId;
    use crate::kernel::time::Timestamp;

    fn after(outcomes: &[&str], needed: u32, of: u32) -> Option<String> {
        let user = UserId::from_uuid(uuid::Uuid::nil());
        let answer = |outcome: &&str| Answer {
            by: Who::User(user),
            user,
            outcome: (*outcome).to_owned(),
            response: None,
            comment: None,
            at: Timestamp::default(),
            shown_hash: String::new(),
            door: String::new(),
        };
        let answers: Vec<Answer> = outcomes.iter().map(answer).collect();
        decided(&Quorum { needed, of: Some(of), otherwise: None }, 0, &answers)
    }

    #[test]
    fn the_first_outcome_with_enough_answers_decides_and_nothing_waits_in_vain() {
        assert_eq!(after(&["approve"], 2, 3), None);
        assert_eq!(after(&["approve", "reject"], 2, 3), None);
        assert_eq!(after(&["approve", "reject", "approve"], 2, 3).as_deref(), Some("approve"));
        assert_eq!(after(&["reject", "reject"], 2, 3).as_deref(), Some("reject"));
        assert_eq!(after(&["approve", "reject"], 3, 3).as_deref(), Some(NO_QUORUM));
        assert_eq!(after(&["approve", "reject", "revise"], 2, 3).as_deref(), Some(NO_QUORUM));
        assert_eq!(after(&[], 1, 1), None);
    }
}

//! One step by itself: done at once where it waits to be tried again or for its time, or once more where it was done before.

use serde_json::Map;

use super::happening::What;
use super::play::Play;
use super::state::{Failure, Stage, TokenId};
use crate::domain::processes::engine::graph::NodeIndex;
use crate::domain::processes::engine::nodes::{Config, Role};

impl Play<'_> {
    /// What a token waits for is not waited for any longer: the next turn of its activity, or its moment. False where it waits for neither.
    pub fn hurry(&mut self, token: TokenId) -> bool {
        let Some((node, stage)) = self.at(token) else { return false };
        let taken = match &stage {
            Stage::Retrying { attempt, beside, .. } => {
                let stage = Stage::Retrying { attempt: *attempt, at: self.now, beside: beside.clone() };
                self.again(node, token, None, &stage)
            }
            Stage::Until { .. } => {
                self.note(node, Some(token), What::Came);
                self.finish(node, token, &serde_json::Value::Null);
                true
            }
            _ => false,
        };
        self.settle();
        taken
    }

    /// Whether a node can be done once more beside what goes on.
    #[must_use]
    pub fn can_repeat(&self, node: NodeIndex) -> bool {
        let one = &self.graph.nodes[node];
        one.role == Role::Activity && one.run_by.is_none() && !matches!(one.config, Config::Compensate(_))
    }

    /// Does an activity once more, with the variables as they are now. Its output is kept as ever; no way leaves it, and when it fails
    /// everything else goes on.
    pub fn repeat(&mut self, node: NodeIndex) -> TokenId {
        let token = self.put(node, Stage::Working { attempt: 1, beside: Map::new() });
        if let Some(found) = self.state.token_mut(token) {
            found.aside = true;
        }
        self.note(node, Some(token), What::Entered);
        match self.graph.nodes[node].config.clone() {
            Config::ForEach(each) => match self.arm_timeout(node, token, None, 1, &[]) {
                Ok(()) => self.begin_each(node, token, &each),
                Err(failure) => self.fail_or_catch(node, token, failure),
            },
            _ => self.work(token, None, 1, node, &[]),
        }
        self.settle();
        token
    }

    /// What was done once more failed: that is noted, and nothing else comes of it.
    pub(super) fn fail_aside(&mut self, node: NodeIndex, token: TokenId, failure: Failure) {
        let told = What::Failed { code: failure.code, message: failure.message, item: None, again_at: None };
        self.note(node, Some(token), told);
        self.give_up(token);
    }
}

//! Executions that go over to another version of their process: looked at first, and written only where nothing of them would be lost.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::finding::Stage;
use super::model::execution::{Execution, Status};
use super::playing::Played;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::domain::executions::starting::Startable;
use crate::domain::processes::engine::interpreter::{Plan, judged_from};
use crate::domain::processes::engine::soundness::Standing;
use crate::domain::processes::engine::validation::{Finding, Findings, Level, Place};
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;

/// Whoever goes over to a version, with what was looked up for it.
pub(super) struct Migration {
    plan: Plan,
    version: String,
    /// The version in each process.
    targets: HashMap<String, Arc<Startable>>,
    /// The graphs that are left.
    left: HashMap<(String, u32), Arc<Stage>>,
    /// What becomes of tokens that stand so: many executions stand at the same places.
    judged: HashMap<(String, Vec<Standing>), Vec<Finding>>,
}

/// What came of looking at one.
pub(super) enum Looked {
    /// It runs that version already.
    Already,
    /// It can go over: what would be written.
    Fit(Box<Going>, Vec<Finding>),
    /// It cannot.
    Unfit(Vec<Finding>),
}

/// One that can go over.
pub(super) struct Going {
    played: Played,
    /// The version that it leaves: what was begun is read by it.
    left: Arc<Stage>,
    target: Arc<Startable>,
}

impl Migration {
    pub(super) fn new(plan: Plan, version: String) -> Self {
        Self { plan, version, targets: HashMap::new(), left: HashMap::new(), judged: HashMap::new() }
    }

    /// Looks at one.
    pub(super) async fn look(&mut self, cx: &Cx, stored: &Stored<Execution>) -> Result<Looked, Fault> {
        let execution = &stored.value;
        let target = self.target(cx, &execution.process_id).await?;
        if target.revision() == execution.revision {
            return Ok(Looked::Already);
        }
        if execution.status.is_over() && execution.status != Status::Failed {
            let mut findings = Findings::default();
            let say = format!("the execution is {}: nothing more happens in it", execution.status.name());
            findings.error(
                "over",
                Place::at(""),
                say,
                "Leave it as it is; start a new one where it is to be done again.",
            );
            return Ok(Looked::Unfit(findings.told()));
        }
        let left = self.left(cx, &execution.process_id, execution.revision).await?;
        let mut moved = execution.clone();
        moved.version = target.version().to_owned();
        moved.revision = target.revision();
        let scene = target.stage.scene(cx, stored.id);
        let (played, mut findings, standing) = scene.migrate(moved, &left.graph, &self.plan);
        let is_error = |one: &Finding| one.level == Level::Error;
        if !findings.iter().any(is_error) {
            findings.extend(self.judged(&target, standing).await?);
        }
        if findings.iter().any(is_error) {
            return Ok(Looked::Unfit(findings));
        }
        Ok(Looked::Fit(Box::new(Going { played, left, target }), findings))
    }

    async fn target(&mut self, cx: &Cx, process: &str) -> Result<Arc<Startable>, Fault> {
        if let Some(found) = self.targets.get(process) {
            return Ok(found.clone());
        }
        // An agent that acts for the caller sets going only what it could do by itself.
        let found = Arc::new(Startable::find(cx, process, Some(&self.version)).await?);
        self.targets.insert(process.to_owned(), found.clone());
        Ok(found)
    }

    async fn left(&mut self, cx: &Cx, process: &str, revision: u32) -> Result<Arc<Stage>, Fault> {
        let key = (process.to_owned(), revision);
        if let Some(found) = self.left.get(&key) {
            return Ok(found.clone());
        }
        let found = Arc::new(Stage::of(cx, process, revision).await?);
        self.left.insert(key, found.clone());
        Ok(found)
    }

    async fn judged(&mut self, target: &Startable, standing: Vec<Standing>) -> Result<Vec<Finding>, Fault> {
        let key = (target.process_id().to_owned(), standing.clone());
        if let Some(found) = self.judged.get(&key) {
            return Ok(found.clone());
        }
        let graph = target.stage.graph.clone();
        let found = blocking(move || judged_from(&graph, &standing)).await;
        let found = found.ok_or_else(|| Fault::internal("looking for an end broke down"))?;
        self.judged.insert(key, found.clone());
        Ok(found)
    }

    /// Writes one that can go over.
    pub(super) async fn write(&self, cx: &Cx, stored: &Stored<Execution>, going: Going) -> Result<(), Fault> {
        let Going { played, left, target } = going;
        let scene = target.stage.scene(cx, stored.id);
        let mut detail = json!({ "from": stored.value.version, "to": target.version() });
        if !self.plan.nodes.is_empty() {
            detail["nodes"] = json!(self.plan.nodes);
        }
        cx.steps(scene.deed("migrated", cx.caller().user, Some(detail)).into_iter().collect());
        left.write(cx, stored, played).await.map(drop)
    }
}

//! The other side of a call: telling how far it has come, asking, and going on as a task.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::client::{Abilities, Answers, Level, Progress, Question, Questions};
use super::cx::{Cx, Lasting};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Asks the other side of one call, and does nothing else with it.
#[derive(Clone)]
pub struct Questioner(Arc<Cx>);

impl Questioner {
    /// As `Cx::ask`.
    ///
    /// # Errors
    /// As `Cx::ask`.
    pub async fn ask(&self, questions: Questions) -> Result<Answers, Fault> {
        self.0.ask(questions).await
    }
}

impl Cx {
    /// Tells how far the call has come.
    pub fn progress(&self, done: f64, total: Option<f64>, message: impl Into<String>) {
        self.call().client.progress(Progress { done, total, message: Some(message.into()) });
    }

    /// Tells the client something.
    pub fn say(&self, level: Level, data: Value) {
        self.call().client.say(level, &self.call().tool.name, data);
    }

    /// Asks the other side. Asking comes before writing: where the protocol cannot wait, the call ends here and is made
    /// again with the answers.
    ///
    /// # Errors
    /// `input_required` with the questions, where the call must be made again.
    pub async fn ask(&self, questions: Questions) -> Result<Answers, Fault> {
        let mut answers = Answers::new();
        let mut open = Questions::new();
        for (key, question) in questions {
            // Also when the call is run again after a conflict, nobody is asked twice.
            let known = self.call().answers.get(&key).cloned().or_else(|| self.pending().given.get(&key).cloned());
            match known {
                Some(answer) => drop(answers.insert(key, answer)),
                None => open.push((key, question)),
            }
        }
        if open.is_empty() {
            return Ok(answers);
        }
        self.nothing_written()?;
        match self.call().client.ask(&open).await {
            Some(given) => {
                let given = given?;
                self.pending().given.extend(given.clone());
                answers.extend(given);
                Ok(answers)
            }
            None => Err(input_required(&open)),
        }
    }

    /// Whom the other side's questions go to, for what a call hands on to a part of the program.
    #[must_use]
    pub fn questioner(&self) -> Questioner {
        Questioner(self.again())
    }

    /// Asks for a form to be filled; the answer is the protocol's elicitation result.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn ask_form(&self, key: &str, message: &str, schema: Map<String, Value>) -> Result<Value, Fault> {
        let question = Question::Form { message: message.to_owned(), schema };
        let mut answers = self.ask(vec![(key.to_owned(), question)]).await?;
        Ok(answers.remove(key).unwrap_or(Value::Null))
    }

    /// What the other side can be asked for, where that is known.
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        self.call().client.abilities()
    }

    /// From here on the call takes long: where the caller can follow a task it goes on as one, elsewhere it goes on as it is.
    ///
    /// # Errors
    /// `task_required`, upon which the door makes the call again as a task. Comes before writing, as asking does.
    pub fn prefer_task(&self) -> Result<(), Fault> {
        self.nothing_written()?;
        match self.call().lasting {
            Lasting::Task | Lasting::Answer => Ok(()),
            Lasting::Either => Err(task_required()),
        }
    }

    /// From here on the call makes sense only as a task.
    ///
    /// # Errors
    /// `task_required`, unless it runs as one.
    pub fn require_task(&self) -> Result<(), Fault> {
        self.nothing_written()?;
        match self.call().lasting {
            Lasting::Task => Ok(()),
            Lasting::Answer | Lasting::Either => Err(task_required()),
        }
    }

    /// A call that is made again from its beginning must not have written before.
    fn nothing_written(&self) -> Result<(), Fault> {
        let pending = self.pending();
        if pending.steps.is_empty() && !pending.committed_before {
            return Ok(());
        }
        Err(Fault::internal(format!("{} asks after it has written", self.call().tool.name)))
    }
}

pub(super) fn task_required() -> Fault {
    Fault::new(&codes::TASK_REQUIRED, "the call takes too long to be answered at once")
}

/// The fault for questions that must be answered before a call can go on.
#[must_use]
pub fn input_required(questions: &Questions) -> Fault {
    let open: Map<String, Value> = questions
        .iter()
        .filter_map(|(key, question)| Some((key.clone(), serde_json::to_value(question).ok()?)))
        .collect();
    Fault::new(&codes::INPUT_REQUIRED, "the call needs answers before it can go on")
        .with_detail(serde_json::json!({ "questions": open }))
}

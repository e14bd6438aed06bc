//! Few-shot selection: examples are chosen and written into the prompt.

use super::{Doing, Next};
use crate::domain::learning::engine::figures::told;
use crate::domain::learning::engine::selection::select;
use crate::domain::learning::faults::DATASET_EMPTY;
use crate::domain::learning::model::dataset::{Row, Side};
use crate::domain::learning::model::job::{Example, Job, Outcome};
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;

/// The longest that an example may be: a prompt with many long ones costs more than it brings.
const LONGEST: usize = 8_000;

/// Chooses the examples of a job out of rows to train with.
pub(super) async fn choose(job: &mut Job, rows: impl Iterator<Item = &Row>) -> Result<(), Fault> {
    let usable: Vec<Row> = rows.filter(|row| is_usable(row)).cloned().collect();
    let (count, seed) = (job.plan.examples, job.plan.seed);
    // All are compared with all.
    let chosen = blocking(move || {
        let chosen = select(&usable, count, seed);
        (chosen, usable)
    });
    let (chosen, usable) = chosen.await.ok_or_else(|| Fault::internal("examples could not be chosen"))?;
    if chosen.places.is_empty() {
        let say = "none of its rows to train with can be an example";
        return Err(Fault::new(&DATASET_EMPTY, say));
    }
    job.work.coverage = Some((chosen.coverage, chosen.diversity));
    job.work.chosen = chosen.places.iter().filter_map(|place| usable.get(*place).cloned()).collect();
    Ok(())
}

/// Whether a row can stand in a template as it is.
fn is_usable(row: &Row) -> bool {
    let plain = |text: &str| !text.contains("endraw");
    row.question.len() + row.answer.len() <= LONGEST && plain(&row.question) && plain(&row.answer)
}

/// A template with examples behind it. They are texts and never templates.
pub(super) fn with_examples(template: &str, examples: &[Row]) -> String {
    let mut text = template.trim_end().to_owned();
    text.push_str("\n\nExamples of good answers:\n");
    for example in examples {
        let (question, answer) = (example.question.trim(), example.answer.trim());
        let parts = [
            "\n<example>\n<question>\n{% raw %}",
            question,
            "{% endraw %}\n</question>\n<answer>\n{% raw %}",
            answer,
            "{% endraw %}\n</answer>\n</example>\n",
        ];
        text.extend(parts);
    }
    text
}

/// What is told of the examples.
pub(super) fn told_of(job: &Job, outcome: &mut Outcome) {
    let example = |row: &Row| Example { question: row.question.clone(), answer: row.answer.clone() };
    outcome.examples = job.work.chosen.iter().map(example).collect();
    outcome.coverage = job.work.coverage.map(|(coverage, _)| told(coverage));
    outcome.diversity = job.work.coverage.map(|(_, diversity)| told(diversity));
}

/// The only step: no model is asked.
pub(super) async fn step(doing: &Doing<'_>, job: &mut Job) -> Result<Next, Fault> {
    let rows = doing.rows(job).await?;
    choose(job, rows.iter().filter(|row| row.side == Side::Train)).await?;
    let mut outcome = Outcome { better: true, ..Outcome::default() };
    told_of(job, &mut outcome);
    if let Some(base) = &job.plan.base {
        let template = with_examples(&base.content.template, &job.work.chosen);
        let message = format!("{} examples chosen by the retraining job {}", job.work.chosen.len(), doing.id);
        outcome.version = Some(doing.new_version(base, &template, &message).await?);
        outcome.prompt_id = Some(base.prompt_id.clone());
        outcome.base_version = Some(base.version.clone());
        outcome.note =
            Some("The examples were chosen and not tried: prompt_test and prompt_optimization try them.".to_owned());
    }
    job.done = job.of;
    Ok(Next::Over(Box::new(outcome)))
}

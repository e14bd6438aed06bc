//! Fine-tuning as OpenAI has it: files of examples (`/files`) and jobs (`/fine_tuning/jobs`), from the vendor's published reference. Other
//! servers that speak its dialect have the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::fault::told;
use super::language::unreadable;
use super::openai::OpenAi;
use super::wire::{self, Sending, Wire};
use crate::port::models::{Endpoint, ModelFault, ModelFaultKind};
use crate::port::tuning::{Tune, TuneRequest, TuneState, Tuning};

/// Files and jobs of one page.
const PAGE: u32 = 100;
/// Pages that are looked through for one.
const MOST_PAGES: usize = 10;
/// So long an upload may take.
const UPLOAD: Duration = Duration::from_mins(10);

/// Speaks to OpenAI's API for tuning.
pub(super) struct OpenAiTuning(pub(super) Arc<Wire>);

impl OpenAiTuning {
    async fn send(&self, endpoint: &Endpoint, sending: Sending, within: Duration) -> Result<Value, ModelFault> {
        let sent = async {
            let response = timeout(within, self.0.send_any(&OpenAi, endpoint, sending))
                .await
                .map_err(|_| ModelFault::new(ModelFaultKind::TimedOut, "the vendor did not answer in time"))??;
            wire::whole(response, endpoint.silence).await
        };
        sent.await.map_err(|fault| told(fault, endpoint.key.as_ref()))
    }

    /// The first thing of a list that fits, page by page, the newest first.
    async fn find(
        &self,
        endpoint: &Endpoint,
        path: &str,
        fits: impl Fn(&Value) -> bool + Send + Sync,
    ) -> Result<Option<Value>, ModelFault> {
        let mut after = String::new();
        for _ in 0..MOST_PAGES {
            let separator = if path.contains('?') { '&' } else { '?' };
            let behind = if after.is_empty() { String::new() } else { format!("&after={after}") };
            let sending = Sending::get(format!("{path}{separator}limit={PAGE}{behind}"));
            let page = self.send(endpoint, sending, endpoint.patience).await?;
            let items = page["data"].as_array().ok_or_else(|| unreadable("the list has no 'data'"))?;
            if let Some(found) = items.iter().find(|item| fits(item)) {
                return Ok(Some(found.clone()));
            }
            let last = items.last().and_then(|item| item["id"].as_str());
            match last.filter(|last| page["has_more"] == Value::Bool(true) && is_plain(last)) {
                Some(last) => last.clone_into(&mut after),
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl Tuning for OpenAiTuning {
    async fn upload(&self, endpoint: &Endpoint, name: &str, bytes: Bytes) -> Result<String, ModelFault> {
        let (kind, body) = form(name, &bytes);
        let answer = self.send(endpoint, Sending::post("/files", kind, body), UPLOAD).await?;
        id(&answer)
    }

    async fn uploaded(&self, endpoint: &Endpoint, name: &str) -> Result<Option<String>, ModelFault> {
        // Jobs come the newest first and take no order; files say that they do, too, and are told to.
        let found = self.find(endpoint, "/files?purpose=fine-tune&order=desc", |file| file["filename"] == name).await?;
        found.as_ref().map(id).transpose()
    }

    async fn begin(&self, endpoint: &Endpoint, request: &TuneRequest) -> Result<Tune, ModelFault> {
        let body = serde_json::to_vec(&written(&endpoint.model, request)).map_err(unreadable)?;
        let sending = Sending::post("/fine_tuning/jobs", "application/json".to_owned(), body.into());
        tune(&self.send(endpoint, sending, endpoint.patience).await?)
    }

    async fn begun(&self, endpoint: &Endpoint, training_file: &str) -> Result<Option<Tune>, ModelFault> {
        let fits = |job: &Value| job["training_file"] == training_file;
        self.find(endpoint, "/fine_tuning/jobs", fits).await?.as_ref().map(tune).transpose()
    }

    async fn look(&self, endpoint: &Endpoint, id: &str) -> Result<Tune, ModelFault> {
        if !is_plain(id) {
            return Err(unreadable("the job's id is none"));
        }
        tune(&self.send(endpoint, Sending::get(format!("/fine_tuning/jobs/{id}")), endpoint.patience).await?)
    }
}

/// Whether a vendor's name of something can stand in an address as it is.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|one| one.is_ascii_alphanumeric() || "-_".contains(one))
}

fn id(answer: &Value) -> Result<String, ModelFault> {
    answer["id"].as_str().map(str::to_owned).ok_or_else(|| unreadable("the answer has no 'id'"))
}

/// The request for a job.
fn written(model: &str, request: &TuneRequest) -> Value {
    let mut body = json!({ "model": model, "training_file": request.training_file });
    let mut hyper = Map::new();
    hyper.extend(request.epochs.map(|epochs| ("n_epochs".to_owned(), json!(epochs))));
    hyper.extend(request.batch_size.map(|size| ("batch_size".to_owned(), json!(size))));
    hyper.extend(request.learning_rate_multiplier.map(|rate| ("learning_rate_multiplier".to_owned(), json!(rate))));
    if !hyper.is_empty() {
        body["method"] = json!({ "type": "supervised", "supervised": { "hyperparameters": hyper } });
    }
    for (name, value) in [
        ("validation_file", request.validation_file.as_ref().map(|file| json!(file))),
        ("suffix", request.suffix.as_ref().map(|suffix| json!(suffix))),
        ("seed", request.seed.map(|seed| json!(seed))),
    ] {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    body
}

fn tune(job: &Value) -> Result<Tune, ModelFault> {
    let word = job["status"].as_str().ok_or_else(|| unreadable("the job has no 'status'"))?;
    let error = job["error"]["message"].as_str().filter(|text| !text.is_empty());
    Ok(Tune {
        id: id(job)?,
        state: match word {
            "succeeded" => TuneState::Done,
            "failed" => TuneState::Failed,
            "cancelled" => TuneState::Cancelled,
            // validating_files, queued, running, paused, and what there may be later.
            _ => TuneState::Going,
        },
        word: word.to_owned(),
        model: job["fine_tuned_model"].as_str().map(str::to_owned),
        trained_tokens: job["trained_tokens"].as_u64(),
        error: error.map(|text| text.chars().take(500).collect()),
    })
}

/// A form with the purpose and a file, and its media type.
fn form(name: &str, bytes: &Bytes) -> (String, Bytes) {
    // Lines of JSON hold no line that begins so.
    let boundary = "convoke-form-5f1c0a9e7d";
    let mut body = Vec::with_capacity(bytes.len() + 512);
    body.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/jsonl\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_is_asked_and_nothing_else() {
        let request = TuneRequest {
            training_file: "file-1".to_owned(),
            validation_file: None,
            suffix: None,
            seed: None,
            epochs: None,
            batch_size: None,
            learning_rate_multiplier: None,
        };
        assert_eq!(written("gpt", &request), json!({ "model": "gpt", "training_file": "file-1" }));
        let request = TuneRequest {
            validation_file: Some("file-2".to_owned()),
            suffix: Some("mails".to_owned()),
            seed: Some(7),
            epochs: Some(3),
            learning_rate_multiplier: Some(0.5),
            ..request
        };
        let hyper = json!({ "n_epochs": 3, "learning_rate_multiplier": 0.5 });
        assert_eq!(
            written("gpt", &request),
            json!({ "model": "gpt", "training_file": "file-1", "validation_file": "file-2", "suffix": "mails", "seed": 7,
                "method": { "type": "supervised", "supervised": { "hyperparameters": hyper } } })
        );
    }

    #[test]
    fn a_job_is_read_whatever_its_word() {
        let job =
            |status: &str| tune(&json!({ "id": "ftjob-1", "status": status, "error": {}, "fine_tuned_model": null }));
        for (word, state) in [
            ("validating_files", TuneState::Going),
            ("paused", TuneState::Going),
            ("succeeded", TuneState::Done),
            ("cancelled", TuneState::Cancelled),
            ("failed", TuneState::Failed),
        ] {
            assert_eq!(job(word).unwrap().state, state, "{word}");
        }
        assert!(tune(&json!({ "id": "ftjob-1" })).is_err());
    }
}

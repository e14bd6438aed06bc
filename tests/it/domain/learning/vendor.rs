//! A vendor that answers, takes files and tunes, over real HTTP. Its forms are those of `OpenAI`'s reference as its Python client 3.57 has
//! them: `types/file_object.py`, `types/fine_tuning/fine_tuning_job.py`, `types/chat/chat_completion.py`, pages with `has_more`.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};

/// What a model says to a conversation.
type Says = Box<dyn Fn(&str) -> String + Send + Sync>;

/// What the vendor holds.
#[derive(Default)]
pub(super) struct Shelf {
    /// Files: name and bytes.
    pub(super) files: Vec<(String, String)>,
    /// Requests for jobs.
    pub(super) jobs: Vec<Value>,
    /// What is asked of it: method and path.
    pub(super) came: Vec<String>,
    /// How its jobs stand.
    pub(super) status: String,
    /// The answers to these many uploads and beginnings are lost on the way.
    pub(super) lost: usize,
    /// Conversations that were answered.
    pub(super) asked: Vec<String>,
    /// What lists were asked with.
    pub(super) queries: Vec<String>,
    /// Items of a page at most.
    pub(super) page: usize,
}

struct Inner {
    says: Says,
    shelf: Mutex<Shelf>,
}

/// The vendor.
pub(super) struct Vendor {
    inner: Arc<Inner>,
    address: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Vendor {
    pub(super) async fn open(says: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let shelf = Mutex::new(Shelf { status: "validating_files".to_owned(), page: 100, ..Shelf::default() });
        let inner = Arc::new(Inner { says: Box::new(says), shelf });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, address, server }
    }

    /// The text of a provider that leads to it.
    pub(super) fn provider(&self, name: &str) -> String {
        format!(
            "name = \"{name}\"\ndialect = \"openai\"\nbase_url = \"{}\"\nprices_of = \"2026-11-20\"\n\n[[models]]\nname = \"tiny\"\n\
             context = 100000\nabilities = [\"chat\", \"streaming\"]\nprice = {{ input = \"1\", output = \"2\" }}\n",
            self.address
        )
    }

    /// Puts its file into a data folder, as the provider `live`.
    pub(super) fn lay(&self, data: &Path) {
        let file = self.provider("live");
        std::fs::create_dir_all(data.join("providers")).unwrap();
        std::fs::write(data.join("providers/live.toml"), file).unwrap();
    }

    /// What it holds.
    pub(super) fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.inner.shelf.lock().unwrap()
    }
}

fn file(number: usize, name: &str, bytes: usize) -> Value {
    json!({ "id": format!("file-{number}"), "object": "file", "bytes": bytes, "created_at": 1_790_000_000,
        "filename": name, "purpose": "fine-tune", "status": "processed" })
}

/// A page of a list: the newest first, behind the one that is named.
fn listed(items: Vec<Value>, query: &str, most: usize) -> Value {
    let of = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let limit = of("limit").map_or(20, |limit| limit.parse().unwrap()).min(most);
    let newest = items.into_iter().rev();
    let behind: Vec<Value> = match of("after") {
        Some(after) => newest.skip_while(|item| item["id"] != after).skip(1).collect(),
        None => newest.collect(),
    };
    json!({ "object": "list", "data": &behind[..limit.min(behind.len())], "has_more": behind.len() > limit })
}

fn job(number: usize, asked: &Value, status: &str) -> Value {
    let done = status == "succeeded";
    let error = if status == "failed" {
        json!({ "code": "invalid_training_file", "message": "row 3 has no assistant message", "param": "training_file" })
    } else {
        json!({ "code": null, "message": null, "param": null })
    };
    json!({
        "id": format!("ftjob-{number}"), "object": "fine_tuning.job", "created_at": 1_790_000_000, "model": asked["model"],
        "status": status, "error": error, "organization_id": "org-1", "seed": 1, "result_files": [],
        "training_file": asked["training_file"], "validation_file": asked["validation_file"],
        "hyperparameters": { "n_epochs": "auto" },
        "fine_tuned_model": done.then(|| format!("ft:tiny:org:{}", asked["suffix"].as_str().unwrap_or("x"))),
        "finished_at": done.then_some(1_790_000_900), "trained_tokens": done.then_some(12_345),
    })
}

async fn answer(State(inner): State<Arc<Inner>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().strip_prefix("/v1").unwrap_or_default().to_owned();
    let mut shelf = inner.shelf.lock().unwrap();
    shelf.came.push(format!("{method} {path}"));
    let query = uri.query().unwrap_or_default().to_owned();
    let page = shelf.page;
    let list = |data: Vec<Value>| listed(data, &query, page);
    if method == Method::GET {
        shelf.queries.push(query.clone());
    }
    let status = shelf.status.clone();
    let lose = |shelf: &mut Shelf, value: Value| {
        if shelf.lost == 0 {
            return axum::Json(value).into_response();
        }
        shelf.lost -= 1;
        (StatusCode::BAD_GATEWAY, axum::Json(json!({ "error": { "message": "upstream went away" } }))).into_response()
    };
    match (method.as_str(), path.as_str()) {
        ("POST", "/files") => {
            let form = String::from_utf8(body.to_vec()).unwrap();
            assert!(form.contains("name=\"purpose\"\r\n\r\nfine-tune\r\n"), "{form}");
            let (_, rest) = form.split_once("filename=\"").unwrap();
            let (name, rest) = rest.split_once('"').unwrap();
            let (_, rest) = rest.split_once("\r\n\r\n").unwrap();
            let (content, _) = rest.split_once("\r\n--").unwrap();
            shelf.files.push((name.to_owned(), content.to_owned()));
            let made = file(shelf.files.len(), name, content.len());
            lose(&mut shelf, made)
        }
        ("GET", "/files") => {
            let files = shelf.files.iter().zip(1..).map(|((name, bytes), number)| file(number, name, bytes.len()));
            axum::Json(list(files.collect())).into_response()
        }
        ("POST", "/fine_tuning/jobs") => {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            shelf.jobs.push(asked.clone());
            let made = job(shelf.jobs.len(), &asked, &status);
            lose(&mut shelf, made)
        }
        ("GET", "/fine_tuning/jobs") => {
            let jobs = shelf.jobs.iter().zip(1..).map(|(asked, number)| job(number, asked, &status));
            axum::Json(list(jobs.collect())).into_response()
        }
        ("GET", "/fine_tuning/jobs/ftjob-1") => axum::Json(job(1, &shelf.jobs[0], &status)).into_response(),
        ("POST", "/chat/completions") => {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
            let said: Vec<String> = asked["messages"].as_array().unwrap().iter().map(text).collect();
            let said = said.join("\n---\n");
            shelf.asked.push(said.clone());
            axum::Json(json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "tiny-1",
                "choices": [{ "index": 0, "logprobs": null, "finish_reason": "stop",
                    "message": { "role": "assistant", "content": (inner.says)(&said), "refusal": null } }],
                "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 },
            }))
            .into_response()
        }
        _ => {
            (StatusCode::NOT_FOUND, axum::Json(json!({ "error": { "message": format!("no {path}") } }))).into_response()
        }
    }
}

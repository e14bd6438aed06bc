//! `POST /v1/embeddings`: texts as vectors, as numbers or as the bytes of them in base64, which the vendor's own clients ask for.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::kernel::fault::Fault;
use crate::port::models::Tokens;
use crate::surface::talking::fields::{Fields, tags};
use crate::surface::talking::visit::{self, Visit};

#[derive(Deserialize)]
struct Made {
    vectors: Vec<Vec<f32>>,
    model: String,
    tokens: Tokens,
}

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Embedding>,
    model: String,
    usage: Usage,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f32>),
    Bytes(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Answers.
pub(super) async fn answer(visit: &Visit, body: Body) -> Result<Response, Fault> {
    let mut call = visit.call("model_embed").await?;
    let read = async { read(visit.body(body).await?) };
    let (input, as_bytes) = match read.await {
        Ok(read) => read,
        Err(fault) => return Err(visit.refuse(&call, fault)),
    };
    call.input = input;
    let made: Made = serde_json::from_value(visit.value(call).await?).map_err(Fault::internal)?;
    let vector = |numbers: Vec<f32>| {
        if !as_bytes {
            return Vector::Numbers(numbers);
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Vector::Bytes(STANDARD.encode(bytes))
    };
    let data = made.vectors.into_iter().enumerate().map(|(index, numbers)| Embedding {
        object: "embedding",
        index,
        embedding: vector(numbers),
    });
    visit::json(&List {
        object: "list",
        data: data.collect(),
        model: made.model,
        usage: Usage { prompt_tokens: made.tokens.input, total_tokens: made.tokens.input },
    })
}

/// The input, and whether the vectors are told as bytes.
fn read(body: Value) -> Result<(Value, bool), Fault> {
    let mut fields = Fields::of(body, "")?;
    let mut input = Map::new();
    input.insert("model".to_owned(), fields.need_text("model")?.into());
    let texts = match fields.take("input") {
        Some(Value::String(text)) => json!([text]),
        Some(Value::Array(texts)) if texts.iter().all(Value::is_string) => Value::Array(texts),
        Some(Value::Array(_)) => return Err(fields.wrong("input", "must be texts: tokens cannot be passed on")),
        _ => return Err(fields.wrong("input", "must be a text or a list of texts")),
    };
    input.insert("texts".to_owned(), texts);
    fields.pass(&mut input, &[("dimensions", "dimensions")]);
    let as_bytes = match fields.text("encoding_format")?.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(fields.wrong("encoding_format", "must be float or base64")),
    };
    tags(&mut fields, &mut input)?;
    fields.nothing_else()?;
    Ok((Value::Object(input), as_bytes))
}

//! The folder of a sentence transformer: what it says of its model, and the model read from it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::bert::{Activation, Bert, Layer, Norm, Pooling};
use super::matrix::Linear;
use super::tensors::Tensors;
use super::tokens::Tokens;

/// The largest file of JSON, or vocabulary, that is read.
const LARGEST: u64 = 64 << 20;

const WEIGHTS: &str = "model.safetensors";

/// The small files that are read where they are there, besides those of the modules.
const READ: [&str; 7] = [
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.txt",
];

/// What `config.json` says of a model.
#[derive(Debug, Clone, Deserialize)]
struct Shape {
    model_type: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    vocab_size: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "tiny")]
    layer_norm_eps: f32,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

const fn two() -> usize {
    2
}

const fn tiny() -> f32 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

#[derive(Debug, Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// A model that has not been read yet, and all that is known of it without.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    shape: Shape,
    pooling: Pooling,
    is_normalised: bool,
    activation: Activation,
    /// So many tokens of a text are read.
    pub(super) longest: usize,
    /// What stands before a question and before a passage.
    pub(super) prompts: (String, String),
    /// Says which model it is, as far as that shows without reading all of it.
    pub(super) digest: String,
}

impl Folder {
    /// Looks at a folder.
    pub(super) fn look(path: &Path) -> Result<Self, String> {
        let shape: Shape = json(&path.join("config.json"))?;
        if shape.model_type != "bert" {
            return Err(format!("a model of the type {} is none that is known: only bert", shape.model_type));
        }
        if shape.position_embedding_type != "absolute" {
            return Err(format!("positions of the type {} are not known", shape.position_embedding_type));
        }
        let activation = match shape.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluByTanh,
            "relu" => Activation::Relu,
            other => return Err(format!("the activation {other} is not known")),
        };
        let heads = shape.num_attention_heads;
        if heads == 0
            || shape.hidden_size == 0
            || !shape.hidden_size.is_multiple_of(heads)
            || shape.hidden_size > 16_384
        {
            return Err(format!("{heads} heads over {} numbers", shape.hidden_size));
        }
        let (pooling, is_normalised, read) = modules(path)?;
        let limits = optional(&path.join("sentence_bert_config.json"))?;
        let limit = limits["max_seq_length"].as_u64().and_then(|limit| usize::try_from(limit).ok());
        let longest = limit.unwrap_or(usize::MAX).min(shape.max_position_embeddings).min(super::bert::TOGETHER);
        if longest < 3 {
            return Err(format!("texts of {longest} tokens say nothing"));
        }
        let told = optional(&path.join("config_sentence_transformers.json"))?;
        let prompt = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| told["prompts"][name].as_str());
            found.unwrap_or_default().to_owned()
        };
        let prompts = (prompt(["query", "question"]), prompt(["passage", "document"]));
        let digest = digest(path, &read)?;
        Ok(Self { path: path.to_owned(), shape, pooling, is_normalised, activation, longest, prompts, digest })
    }

    /// How many numbers a vector has.
    pub(super) fn size(&self) -> usize {
        self.shape.hidden_size
    }

    /// Reads the model.
    pub(super) fn read(&self) -> Result<(Tokens, Bert), String> {
        let tokens = tokens(&self.path)?;
        if tokens.greatest() as usize >= self.shape.vocab_size {
            return Err("the vocabulary has more pieces than the model knows".to_owned());
        }
        let mut tensors = Tensors::open(&self.path.join(WEIGHTS))?;
        let Shape { hidden_size: size, vocab_size, max_position_embeddings: places, type_vocab_size: types, .. } =
            self.shape;
        let words = tensors.read("embeddings.word_embeddings.weight", &[vocab_size, size])?;
        let mut places = tensors.read("embeddings.position_embeddings.weight", &[places, size])?;
        let types = tensors.read("embeddings.token_type_embeddings.weight", &[types, size])?;
        for place in places.chunks_exact_mut(size) {
            place.iter_mut().zip(&types).for_each(|(number, of_type)| *number += of_type);
        }
        let norm = self.norm(&mut tensors, "embeddings.LayerNorm")?;
        let layers = (0..self.shape.num_hidden_layers).map(|number| self.layer(&mut tensors, number));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let bert = Bert {
            size,
            heads: self.shape.num_attention_heads,
            words,
            places,
            norm,
            layers,
            activation: self.activation,
            pooling: self.pooling,
            is_normalised: self.is_normalised,
        };
        Ok((tokens, bert))
    }

    fn layer(&self, tensors: &mut Tensors, number: usize) -> Result<Layer, String> {
        let (size, inner) = (self.shape.hidden_size, self.shape.intermediate_size);
        let name = |of: &str| format!("encoder.layer.{number}.{of}");
        Ok(Layer {
            query: linear(tensors, &name("attention.self.query"), size, size)?,
            key: linear(tensors, &name("attention.self.key"), size, size)?,
            value: linear(tensors, &name("attention.self.value"), size, size)?,
            attended: linear(tensors, &name("attention.output.dense"), size, size)?,
            attended_norm: self.norm(tensors, &name("attention.output.LayerNorm"))?,
            inner: linear(tensors, &name("intermediate.dense"), size, inner)?,
            outer: linear(tensors, &name("output.dense"), inner, size)?,
            outer_norm: self.norm(tensors, &name("output.LayerNorm"))?,
        })
    }

    fn norm(&self, tensors: &mut Tensors, name: &str) -> Result<Norm, String> {
        let size = [self.shape.hidden_size];
        let (weights, added) =
            (tensors.read(&format!("{name}.weight"), &size)?, tensors.read(&format!("{name}.bias"), &size)?);
        Ok(Norm { weights, added, least: self.shape.layer_norm_eps })
    }
}

fn linear(tensors: &mut Tensors, name: &str, inputs: usize, outputs: usize) -> Result<Linear, String> {
    let weights = tensors.read(&format!("{name}.weight"), &[outputs, inputs])?;
    let added = tensors.read(&format!("{name}.bias"), &[outputs])?;
    Ok(Linear::new(&weights, &added, inputs))
}

/// How the vectors of tokens become one, and the files of modules that say so. A folder without modules is a plain model, whose mean
/// is taken.
fn modules(path: &Path) -> Result<(Pooling, bool, Vec<PathBuf>), String> {
    let file = path.join("modules.json");
    if !file.exists() {
        return Ok((Pooling::Mean, true, Vec::new()));
    }
    let (mut pooling, mut is_normalised, mut read) = (Pooling::Mean, false, Vec::new());
    for module in json::<Vec<Module>>(&file)? {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" if module.path.is_empty() => {}
            "Normalize" => is_normalised = true,
            "Pooling" => {
                if module.path.contains("..") || Path::new(&module.path).is_absolute() {
                    return Err(format!("the module {} lies outside the folder", module.path));
                }
                let file = path.join(&module.path).join("config.json");
                let told: Value = json(&file)?;
                read.push(file);
                let is = |name: &str| told[format!("pooling_mode_{name}")].as_bool().unwrap_or(false);
                pooling = match (is("mean_tokens"), is("cls_token"), is("max_tokens"), is("mean_sqrt_len_tokens")) {
                    (true, false, false, false) => Pooling::Mean,
                    (false, true, false, false) => Pooling::First,
                    (false, false, true, false) => Pooling::Greatest,
                    _ => return Err("its pooling is none that is known: mean, cls or max alone".to_owned()),
                };
            }
            other => return Err(format!("the module {other} is not known: only Transformer, Pooling and Normalize")),
        }
    }
    Ok((pooling, is_normalised, read))
}

fn tokens(path: &Path) -> Result<Tokens, String> {
    let of_words = optional(&path.join("tokenizer_config.json"))?;
    let whole = optional(&path.join("tokenizer.json"))?;
    let lowers = whole["normalizer"]["lowercase"].as_bool().or_else(|| of_words["do_lower_case"].as_bool());
    let file = path.join("vocab.txt");
    let pieces: HashMap<String, u32> = if file.exists() {
        text(&file)?.lines().map(str::to_owned).zip(0..).collect()
    } else {
        let kind = whole["model"]["type"].as_str().unwrap_or("WordPiece");
        if kind != "WordPiece" {
            return Err(format!("a tokenizer of the type {kind} is not known: only WordPiece"));
        }
        let vocabulary = whole["model"]["vocab"].as_object().ok_or("there is neither vocab.txt nor tokenizer.json")?;
        let numbers = vocabulary.iter().map(|(piece, number)| {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            number.map(|number| (piece.clone(), number)).ok_or_else(|| format!("the piece {piece} has no number"))
        });
        numbers.collect::<Result<_, _>>()?
    };
    Tokens::new(pieces, lowers.unwrap_or(true))
}

/// Of what makes the vectors what they are: every small file that is read, and of the weights their head and samples.
fn digest(path: &Path, of_modules: &[PathBuf]) -> Result<String, String> {
    let mut digest = Sha256::new();
    for file in READ.iter().map(|name| path.join(name)).chain(of_modules.iter().cloned()) {
        let content = if file.exists() { text(&file)? } else { String::new() };
        digest.update((content.len() as u64).to_le_bytes());
        digest.update(content.as_bytes());
    }
    let mut tensors = Tensors::open(&path.join(WEIGHTS))?;
    digest.update(&tensors.head);
    digest.update(tensors.sample()?);
    let mut short = String::new();
    for byte in digest.finalize().iter().take(6) {
        // Writing to a text never fails.
        let _ = write!(short, "{byte:02x}");
    }
    Ok(short)
}

fn text(file: &Path) -> Result<String, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", file.display());
    if fs::metadata(file).map_err(wrong)?.len() > LARGEST {
        return Err(format!("{} is too large", file.display()));
    }
    fs::read_to_string(file).map_err(wrong)
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    serde_json::from_str(&text(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

fn optional(file: &Path) -> Result<Value, String> {
    if file.exists() { json(file) } else { Ok(Value::Null) }
}

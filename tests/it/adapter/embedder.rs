//! The local embedder: held against vectors that another implementation made of the same model, in double precision with the
//! tokenizer of its makers (tests/fixtures/minilm.json).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use convoke::adapter::embedder::local::LocalEmbedder;
use convoke::app::{App, Settings};
use convoke::kernel::clock::SystemClock;
use convoke::port::embedder::{Embedder, EmbedderFault, Of, OwnEmbedder};
use convoke::port::vectors::Index;
use serde_json::Value;

use crate::support::servers::named;

/// The folder of all-MiniLM-L6-v2, installed by `scripts/services`. `None` where the test is to be left out.
fn minilm() -> Option<PathBuf> {
    named("MINILM_FOLDER", "minilm").map(PathBuf::from)
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

fn expected() -> Vec<(String, Vec<f32>)> {
    let all: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/minilm.json")).unwrap();
    all.into_iter()
        .map(|one| {
            let vector = serde_json::from_value(one["vector"].clone()).unwrap();
            (one["text"].as_str().unwrap().to_owned(), vector)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_are_those_of_the_model() {
    let Some(folder) = minilm() else { return };
    let embedder = LocalEmbedder::open(&folder).unwrap();
    assert_eq!(embedder.space().size, 384);
    assert!(embedder.space().embedder.starts_with("local/"), "{:?}", embedder.space());
    assert_eq!(embedder.embed(&[], Of::Passage).await.unwrap(), Vec::<Vec<f32>>::new());
    let expected = expected();
    let texts: Vec<&str> = expected.iter().map(|(text, _)| text.as_str()).collect();
    let together = embedder.embed(&texts, Of::Passage).await.unwrap();
    assert_eq!(together.len(), texts.len());
    for ((text, expected), found) in expected.iter().zip(&together) {
        let alone = embedder.embed(&[text], Of::Question).await.unwrap();
        for found in [found, &alone[0]] {
            assert_eq!(found.len(), 384);
            assert!(cosine(expected, found) > 0.9999, "{text:?}: {}", cosine(expected, found));
            assert!((cosine(found, found).sqrt() - 1.0).abs() < 1e-5);
            assert!(found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 2e-4), "{text:?}");
        }
    }
    let again = LocalEmbedder::open(&folder).unwrap();
    assert_eq!(again.space(), embedder.space());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_mean_alike_lie_near_each_other() {
    let Some(folder) = minilm() else { return };
    let embedder = LocalEmbedder::open(&folder).unwrap();
    let texts =
        ["The invoice was paid late.", "They settled the bill after the due date.", "The cat sleeps on the sofa."];
    let found = embedder.embed(&texts, Of::Passage).await.unwrap();
    let (alike, apart) = (cosine(&found[0], &found[1]), cosine(&found[0], &found[2]));
    assert!(alike > apart + 0.3, "{alike} {apart}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn great_and_strange_texts_end() {
    let Some(folder) = minilm() else { return };
    let embedder = LocalEmbedder::open(&folder).unwrap();
    let long = "ä".repeat(10 << 20);
    let words = "meeting of the board ".repeat(100_000);
    let beginning = "meeting of the board ".repeat(70);
    let found = embedder.embed(&[&long, &words, &beginning, "\u{FFFF}\u{0}\u{202E}", ""], Of::Passage).await.unwrap();
    assert!(found.iter().flatten().all(|number| number.is_finite()));
    // What lies beyond the model's limit is not read.
    assert!(cosine(&found[1], &found[2]) > 0.9999);
    assert!(cosine(&found[3], &found[4]) > 0.9999);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("1_Pooling")).unwrap();
    for name in [
        "config.json",
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "vocab.txt",
    ] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    std::os::unix::fs::symlink(from.join("model.safetensors"), to.join("model.safetensors")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folder_says_how_texts_become_vectors() {
    let Some(folder) = minilm() else { return };
    let place = tempfile::tempdir().unwrap();
    let changed = place.path().join("changed");
    copy(&folder, &changed);
    // The vocabulary alone is in tokenizer.json, too.
    fs::remove_file(changed.join("vocab.txt")).unwrap();
    let prompts = r#"{"prompts":{"query":"query: ","passage":""}}"#;
    fs::write(changed.join("config_sentence_transformers.json"), prompts).unwrap();
    let (plain, prompting) = (LocalEmbedder::open(&folder).unwrap(), LocalEmbedder::open(&changed).unwrap());
    let of_plain = plain.embed(&["query: who pays?", "who pays?"], Of::Question).await.unwrap();
    let question = prompting.embed(&["who pays?"], Of::Question).await.unwrap();
    let passage = prompting.embed(&["who pays?"], Of::Passage).await.unwrap();
    assert_eq!((&question[0], &passage[0]), (&of_plain[0], &of_plain[1]));
    // Another pooling makes other vectors, which lie in another space.
    let pooling = r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#;
    fs::write(changed.join("1_Pooling/config.json"), pooling).unwrap();
    let first = LocalEmbedder::open(&changed).unwrap();
    assert_ne!(first.space(), prompting.space());
    assert!(cosine(&first.embed(&["who pays?"], Of::Passage).await.unwrap()[0], &passage[0]) < 0.999);
}

#[tokio::test]
async fn another_file_of_the_folder_is_another_space() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir_all(place.path().join("Pooling")).unwrap();
    let head = "{}";
    let mut weights = (head.len() as u64).to_le_bytes().to_vec();
    weights.extend(head.as_bytes());
    fs::write(place.path().join("model.safetensors"), weights).unwrap();
    let config = r#"{"model_type":"bert","hidden_size":4,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,
        "max_position_embeddings":8,"vocab_size":4}"#;
    let modules = r#"[{"path":"Pooling","type":"sentence_transformers.models.Pooling"}]"#;
    let files = [
        ("config.json", config),
        ("modules.json", modules),
        ("Pooling/config.json", r#"{"pooling_mode_mean_tokens":true}"#),
        ("sentence_bert_config.json", r#"{"max_seq_length":8}"#),
        ("config_sentence_transformers.json", r#"{"prompts":{"query":"q: "}}"#),
        ("tokenizer_config.json", r#"{"do_lower_case":true}"#),
        ("tokenizer.json", r#"{"normalizer":{"lowercase":true}}"#),
        ("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"),
    ];
    for (name, content) in files {
        fs::write(place.path().join(name), content).unwrap();
    }
    let space = || LocalEmbedder::open(place.path()).unwrap().space();
    let before = space();
    for (name, content) in files {
        // The same JSON in other bytes: whatever is read counts.
        fs::write(place.path().join(name), format!("{content} ")).unwrap();
        assert_ne!(space(), before, "{name}");
        fs::write(place.path().join(name), content).unwrap();
        assert_eq!(space(), before, "{name}");
    }
}

#[tokio::test]
async fn a_folder_without_a_model_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let refused = |why: &str| match LocalEmbedder::open(place.path()) {
        Err(EmbedderFault::Unusable(said)) => assert!(said.contains(why), "{said}"),
        other => panic!("{other:?}"),
    };
    refused("config.json");
    let config = |model: &str, heads: u32| {
        let text = format!(
            r#"{{"model_type":"{model}","hidden_size":4,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":{heads},
            "max_position_embeddings":8,"vocab_size":4}}"#
        );
        fs::write(place.path().join("config.json"), text).unwrap();
    };
    config("roberta", 2);
    refused("roberta");
    config("bert", 3);
    refused("3 heads");
    config("bert", 2);
    refused("model.safetensors");
    fs::write(place.path().join("model.safetensors"), [9, 9, 9, 9, 9, 9, 9, 9, 9]).unwrap();
    refused("its head is too long");
    let dense = r#"[{"path":"2_Dense","type":"sentence_transformers.models.Dense"}]"#;
    fs::write(place.path().join("modules.json"), dense).unwrap();
    refused("Dense");
    // What only shows when the model is read is a fault of the call that first needs it.
    fs::remove_file(place.path().join("modules.json")).unwrap();
    let head = "{}";
    let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
    bytes.extend(head.as_bytes());
    fs::write(place.path().join("model.safetensors"), bytes).unwrap();
    let embedder = LocalEmbedder::open(place.path()).unwrap();
    let failed = embedder.embed(&["text"], Of::Passage).await;
    assert!(matches!(failed, Err(EmbedderFault::Unusable(_))), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_names_the_folder() {
    let place = tempfile::tempdir().unwrap();
    let open = async |data: &str, model: &str, folder: &str| {
        let mut settings = Settings::new(crate::support::app::config(), place.path().join(data), Arc::new(SystemClock));
        model.clone_into(&mut settings.config.embeddings.model);
        folder.clone_into(&mut settings.config.embeddings.folder);
        App::open(settings).await
    };
    let app = open("plain", "", "").await.unwrap();
    assert!(app.platform().service::<OwnEmbedder>().unwrap().0.is_none());
    // The index is opened for those who embed; what they left can be thrown away without.
    let vectors = place.path().join("plain/vectors");
    assert!(!vectors.exists());
    fs::create_dir_all(&vectors).unwrap();
    fs::write(vectors.join("head.json"), "of another time").unwrap();
    let index = &app.platform().service::<Index>().unwrap().0;
    index.clear().await.unwrap();
    assert!(!vectors.exists());
    index.clear().await.unwrap();
    assert_eq!((index.mark().await.unwrap(), index.fullness().await.unwrap().points), (None, 0));
    assert!(index.take(Vec::new(), Some(1)).await.is_err());
    drop(app);
    open("named", "openai/text-embedding-3-small", "").await.unwrap();
    assert!(place.path().join("named/vectors/head.json").exists());
    let fault = open("wrong", "local", "no-such-folder").await.err().unwrap();
    assert_eq!(fault.code().name, "bad_configuration");
    assert!(fault.to_string().contains("embeddings.folder"), "{fault}");
    let Some(folder) = minilm() else { return };
    let app = open("right", "local", folder.to_str().unwrap()).await.unwrap();
    let own = app.platform().service::<OwnEmbedder>().unwrap();
    assert_eq!(own.0.as_ref().unwrap().embed(&["text"], Of::Passage).await.unwrap()[0].len(), 384);
}

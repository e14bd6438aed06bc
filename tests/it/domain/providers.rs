//! The files of providers that come with the program, and the template for others.

use std::path::Path;
use std::time::Duration;

use convoke::domain::models::catalogue::{Ability, Catalogue, Dialect, Providers, read};
use convoke::kernel::money::NanoDollars;
use convoke::port::models::Tokens;
use convoke::port::overlay::TextFile;

use crate::support::app::TestApp;
use crate::tools::{files, project, text};

fn built_in() -> Catalogue {
    let of = |path: &Path| TextFile {
        path: path.file_name().unwrap().to_string_lossy().into_owned(),
        place: path.display().to_string(),
        text: Ok(text(path)),
    };
    let files: Vec<TextFile> = files("providers", "toml").iter().map(|path| of(path)).collect();
    Catalogue::clone(&Providers::new(&files).unwrap_or_else(|faults| panic!("{faults:#?}")).current())
}

#[test]
fn every_file_is_read_and_is_whole() {
    let catalogue = built_in();
    let names: Vec<&str> = catalogue.providers().map(|provider| &*provider.name).collect();
    let expected =
        ["anthropic", "azure-openai", "cohere", "gemini", "groq", "mistral", "ollama", "openai", "openrouter", "vllm"];
    assert_eq!(names, expected);
    for provider in catalogue.providers() {
        let name = &*provider.name;
        assert!(provider.source.ends_with(&format!("{name}.toml")), "{} is {name}", provider.source);
        assert!(provider.key.variable.is_some() || name == "ollama", "{name}");
        let is_priced = provider.models.values().any(|model| model.price.is_some());
        // Whoever names a price says of which day.
        assert_eq!(provider.prices_of.is_some(), is_priced, "{name}");
        for model in provider.models.values() {
            assert!(model.title.is_some(), "{name}/{}", model.name);
            let Some(price) = &model.price else { continue };
            assert!(!price.is_free(), "{name}/{}: a vendor's model is not free", model.name);
            // A price says what all tokens of a call cost, and no price is off by a thousand.
            let tokens = Tokens { input: 1_000_000, cached: 1, output: 1_000_000, ..Tokens::default() };
            let tokens = if model.can(Ability::Embeddings) { Tokens { output: 0, ..tokens } } else { tokens };
            let cost = model.cost(&tokens).unwrap_or_else(|| panic!("{name}/{}", model.name));
            assert!(
                (NanoDollars(10_000_000)..NanoDollars(2_000_000_000_000)).contains(&cost),
                "{}: {cost}",
                model.name
            );
        }
    }
}

#[test]
fn every_dialect_has_its_adapter() {
    let dialects = convoke::adapter::llm::Vendors::new(Vec::new()).dialects().0;
    let named: Vec<&str> = dialects.keys().copied().collect();
    let mut all = Dialect::ALL.map(Dialect::name);
    all.sort_unstable();
    assert_eq!(named, all);
}

/// Prices that both sources have, computed by hand.
#[test]
fn calls_cost_what_the_lists_say() {
    let catalogue = built_in();
    let cost = |name: &str, tokens: &Tokens| catalogue.find(name).unwrap().model.cost(tokens).unwrap();
    let tokens = Tokens { input: 1_000, cached: 400, cache_written: 100, output: 200, reasoning: 50, searches: 0 };
    // 500 at 3 $, 400 at 0.30 $, 100 at 3.75 $, 200 at 15 $ a million.
    assert_eq!(cost("anthropic/claude-sonnet-4-5", &tokens), NanoDollars(1_500_000 + 120_000 + 375_000 + 3_000_000));
    // A token of 37.5 nano-dollars is exact, and the call's cost is rounded up.
    let one = Tokens { input: 1, ..Tokens::default() };
    assert_eq!(cost("cohere/command-r7b-12-2024", &one), NanoDollars(38));
    assert_eq!(cost("cohere/command-r7b-12-2024", &Tokens { input: 2, ..one }), NanoDollars(75));
    let long = Tokens { input: 200_001, ..Tokens::default() };
    assert_eq!(cost("gemini/gemini-2.5-pro", &long), NanoDollars(200_001 * 2_500));
    assert_eq!(catalogue.find("ollama/llama3.2").unwrap().model.cost(&tokens), Some(NanoDollars::ZERO));
    assert_eq!(catalogue.find("openai/of-tomorrow").unwrap().model.cost(&tokens), None);
    assert_eq!(catalogue.find("azure-openai/my-deployment").unwrap().model.cost(&tokens), None);
}

/// The template is a comment; without its marks it is a provider.
#[test]
fn the_template_is_read_when_its_marks_are_taken_away() {
    let template = std::fs::read_to_string(project().join("providers/template.toml.example")).unwrap();
    let (provider, prices) = template.split_once("# A file `prices.toml`").unwrap();
    assert!(template.lines().all(|line| line.is_empty() || line.starts_with('#')), "it is all comment");
    let is_line = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && !line.starts_with("#  ");
    let lines: Vec<&str> = provider.lines().filter(is_line).map(|line| &line[1..]).collect();
    let provider = read::provider("template.toml", &lines.join("\n")).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!((&*provider.name, provider.models.len()), ("my-provider", 1));
    assert!(provider.unlisted.is_some() && provider.key.vault.is_some() && !provider.headers.is_empty());
    let price = provider.models["my-model"].price.as_ref().unwrap();
    assert_eq!(price.above.len(), 1);

    let lines: Vec<&str> = prices.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let list = read::prices("prices.toml", &lines.join("\n")).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert!(built_in().with_prices(&list).find("openai/gpt-4o-mini").is_some());
    assert_eq!(list.prices_of.as_deref(), Some("2026-11-20"));
}

/// In the running program: a file that an operator lays comes into force, a broken edit leaves the last good one there.
#[tokio::test]
async fn a_file_in_the_data_folder_is_in_force_while_the_program_runs() {
    let ours = "name = 'ours'\ndialect = 'openai'\nbase_url = 'http://one/v1'\n[unlisted]\nabilities = ['chat']\n";
    let before = ours.to_owned();
    let app = TestApp::start_with(move |settings| {
        std::fs::create_dir_all(settings.data.join("providers")).unwrap();
        std::fs::write(settings.data.join("providers/ours.toml"), before).unwrap();
    })
    .await;
    let providers = app.app.platform().service::<Providers>().unwrap();
    let address = || providers.current().provider("ours").map(|provider| provider.base_url.to_string());
    assert_eq!(address().as_deref(), Some("http://one/v1"), "it is there from the start");
    assert!(providers.current().find("openai/gpt-4o-mini").is_some());
    app.app.start().await.unwrap();
    let file = app.app.data().join("providers/ours.toml");
    let mut changes = providers.changes();
    let mut after = async |text: &str, fits: &dyn Fn() -> bool| {
        std::fs::write(&file, text).unwrap();
        let waiting = async {
            while !fits() {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is seen");
    };
    after(&ours.replace("one", "two"), &|| address().as_deref() == Some("http://two/v1")).await;
    after("name = 'ours'\nbroken", &|| !providers.faults().is_empty()).await;
    assert_eq!(address().as_deref(), Some("http://two/v1"), "the last good version stays");
    after(&ours.replace("one", "three"), &|| address().as_deref() == Some("http://three/v1")).await;
    assert!(providers.faults().is_empty());
    app.app.close(Duration::from_secs(10)).await;
}

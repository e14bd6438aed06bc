//! Putting the program together: the one place that chooses concrete backends. Everything else knows ports.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::adapter::anchor::file::FileAnchor;
use crate::adapter::anchor::webhook::WebhookAnchor;
use crate::adapter::documents::worker::Worker as ReadingProcess;
use crate::adapter::feel::FeelLanguage;
use crate::adapter::graph::StoreGraph;
use crate::adapter::graph::neo4j::Neo4jGraph;
use crate::adapter::keyfile::KeyFile as SubjectKeyFile;
use crate::adapter::keys::{KeyCommand, KeyFile, KeyVariable, ProcessEnvironment};
use crate::adapter::llm::Vendors;
use crate::adapter::markup::QuickXml;
use crate::adapter::outside::GuardedOutside;
use crate::adapter::tokens::Tiktoken;
use crate::adapter::webhooks::HttpWebhooks;
use crate::capability::alarms::Alarms;
use crate::capability::credentials::Credentials;
use crate::capability::cx::store_fault;
use crate::capability::events::Ways;
use crate::capability::forwarding::Forwarding;
use crate::capability::gate::Gate;
use crate::capability::gate::approve::{ApprovalPolicy, NothingHeld};
use crate::capability::gate::sealing::Sealer;
use crate::capability::module::Module;
use crate::capability::platform::{Platform, Services};
use crate::capability::registry::Registry;
use crate::capability::row::Row;
use crate::capability::source::{PromptSource, PromptSources, Sources};
use crate::capability::tool::{Card, Tool};
use crate::capability::topics::TopicBook;
use crate::config::Config;
use crate::config::backup::EncryptedBy;
use crate::config::vault::Place;
use crate::domain::agents::Runs;
use crate::domain::audit::engine::checkpoints::{Checkpoints, Rhythm};
use crate::domain::audit::engine::keeper::Keeper;
use crate::domain::audit::engine::note::Signer;
use crate::domain::documents::Reader;
use crate::domain::events::engine::schemas::Schemas;
use crate::domain::executions::Graphs;
use crate::domain::executions::working::Desk;
use crate::domain::integrations::Vault;
use crate::domain::knowledge::mirroring::Mirrors;
use crate::domain::memory::retrieval::{Following, Searched};
use crate::domain::models::catalogue::Providers;
use crate::domain::models::{Router, RouterSettings};
use crate::domain::prompts::source::Prompts;
use crate::domain::prompts::uses::Uses;
use crate::domain::registry::index::ToolIndex;
use crate::domain::rules::RuleBook;
use crate::domain::system::{BackupsBy, Gateway, Monitor, SchemaReport, Shelf, schema_report};
use crate::domain::tasks::Continuations;
use crate::domain::{MODULES, agents, audit, documents, executions, identity, memory, personas, prompts};
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::new_uuid;
use crate::kernel::network::Network;
use crate::kernel::seal::Seal;
use crate::kernel::secret::Secret;
use crate::port::anchors::Anchor;
use crate::port::bus::Bus;
use crate::port::expressions::{Expressions, Language};
use crate::port::graph::TheGraph;
use crate::port::graph_measures::TheMeasures;
use crate::port::markup::Xml;
use crate::port::outside::{Outgoing, Outside};
use crate::port::secrets::{Environment, MasterKeys};
use crate::port::store::{Store, StoreFault};
use crate::port::tokens::Counting;
use crate::runtime::backups::Backups;
use crate::runtime::beating;
use crate::runtime::carrying;
use crate::runtime::embedding;
use crate::runtime::executing;
use crate::runtime::folders::{self, Folders};
use crate::runtime::hearing;
use crate::runtime::mirroring;
use crate::runtime::relay::Relay;
use crate::runtime::retraining;
use crate::runtime::ringing;
use crate::runtime::schedules;
use crate::runtime::supervise::Supervisor;
use crate::runtime::telemetry::Telemetry;
use crate::runtime::upkeep::Upkeep;

use self::credential::VaultAtStart;
use self::objects::Reach;
pub use self::store::Move;

pub(crate) mod built_in;
mod bus;
pub(crate) mod cards;
mod credential;
pub(crate) mod files;
mod graph;
mod key;
pub(crate) mod objects;
pub(crate) mod providers;
mod store;
mod vectors;

/// So long a step of background work may take at the end, however little time is left.
const STEP: Duration = Duration::from_secs(2);

/// The file of the master key in the data folder, where the configuration names no other place.
const MASTER_KEY: &str = "master.key";

/// What a start is told.
pub struct Settings {
    /// The configuration in force.
    pub config: Config,
    /// The data folder; made when it is not there.
    pub data: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Capabilities besides the domains' own.
    pub rows: Vec<Row>,
    /// Which calls a person must approve.
    pub approvals: Arc<dyn ApprovalPolicy>,
    /// Services besides the domains' own.
    pub services: Services,
    /// The environment that credentials and master keys are read from.
    pub environment: Arc<dyn Environment>,
    /// What stands between the program and its store: how tests let a store fail at a chosen commit.
    pub before_store: Option<BeforeStore>,
    /// Whether somebody can be shown a key: only then one is made for an administrator who never had one.
    pub shows_key: bool,
}

/// Puts something before a store.
pub type BeforeStore = Arc<dyn Fn(Arc<dyn Store>) -> Arc<dyn Store> + Send + Sync>;

impl Settings {
    /// A start on a folder with nothing added.
    #[must_use]
    pub fn new(config: Config, data: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            data,
            clock,
            rows: Vec::new(),
            approvals: Arc::new(NothingHeld),
            services: Services::default(),
            environment: Arc::new(ProcessEnvironment),
            before_store: None,
            shows_key: true,
        }
    }
}

/// The program, put together.
pub struct App {
    gate: Arc<Gate>,
    store: Arc<dyn Store>,
    data: PathBuf,
    first_key: Option<Secret>,
    background: Supervisor,
    environment: Arc<dyn Environment>,
    follower: Option<Arc<Neo4jGraph>>,
}

impl App {
    /// Opens the data folder and puts the program together. At the very first start it makes the default tenant and an
    /// administrator; their key is made at the first start that can show it.
    ///
    /// # Errors
    /// `bad_configuration` when the folder, the key or the store in it cannot be used.
    pub async fn open(settings: Settings) -> Result<Arc<Self>, Fault> {
        let Settings { config, data, clock, rows, approvals, services, environment, before_store, shows_key } =
            settings;
        make_private_folder(&data)?;
        let key = key::installation(&data)?;
        let store::Opened { store, key, place, clock } = store::open(&config, &data, clock, key).await?;
        let store = match before_store {
            Some(before) => before(store),
            None => store,
        };
        let seal = Seal::new(key);
        // What cannot be read at all now is the data's fault, not a call's.
        let unreadable = |fault: Fault| if fault.is(&codes::INTERNAL) { unusable_by(&place, fault) } else { fault };
        identity::bootstrap(&*store, &*clock).await.map_err(unreadable)?;
        let keys = master_keys(&config, &data, &environment)?;
        let vault = Arc::new(Vault::open(keys.clone(), environment.clone(), &*store).await.map_err(unreadable)?);
        let at_start = VaultAtStart::new(vault.clone(), store.clone());
        let reach =
            Reach { config: &config, data: &data, environment: &environment, clock: &clock, vault: Some(&at_start) };
        let graph = Box::pin(graph::open(reach, store, &seal)).await?;
        let (store, follower) = (graph.store, graph.follower);
        let blobs = reach.blobs().await?;
        let first_key = if shows_key { identity::first_key(&*store, &*clock).await.map_err(unreadable)? } else { None };
        let registry = Arc::new(Registry::new(tools(&rows, &data)?));
        let services = add_services(services, &config).with(Arc::new(shelf(reach, &keys).await?));
        let by = if store.instance().is_some() { BackupsBy::one_of_several(clock.now()) } else { BackupsBy::alone() };
        let services = services.with(Arc::new(by)).with(Arc::new(Credentials(vault.clone()))).with(vault);
        let bus = bus::open(reach, &store, &seal).await?;
        let services = services.with(Arc::new(TheGraph(graph.graph)));
        // Measures are of the records, whatever walks.
        let services = services.with(Arc::new(TheMeasures(Arc::new(StoreGraph::new(store.clone())))));
        let services = add_events(services, &config, bus);
        let services = add_audit(services, reach, &store).await?;
        let services = add_files(services, reach)?.with(Arc::new(reach.arriving()?));
        let services = vectors::add(services, reach).await?;
        let shared = Arc::new(config.clone());
        let platform = Arc::new(Platform::new(store.clone(), blobs, clock.clone(), registry, seal, shared, services));
        at_start.tell(&platform).await?;
        platform.service::<ToolIndex>()?.list_in(&platform.caches);
        platform.service::<Router>()?.list_in(&platform.caches);
        folders::take(&platform, &data);
        let gate = Gate::open(platform, Arc::new(identity::directory::Directory), approvals);
        Ok(Arc::new(Self { gate, store, data, first_key, background: Supervisor::new(), environment, follower }))
    }

    /// What opening the data folder would change in its store. Whoever asks owns the folder; nothing is changed.
    ///
    /// # Errors
    /// When the store is of a newer version or of another program.
    pub async fn inspect(config: &Config, data: &Path, clock: Arc<dyn Clock>) -> Result<SchemaReport, Fault> {
        let found = store::inspect(config, data, clock).await?;
        let shelf = Arc::new(Shelf::new(&config.backup.folder, config.backup.keep, data));
        schema_report(&shelf, found.schema, found.migrations, found.changes, true).await
    }

    /// Puts a copy from before a change of the schema in place of the store, for the version of the program that wrote it.
    /// Whoever asks owns the folder. Answers where the store that was there is kept.
    ///
    /// # Errors
    /// `not_found`; when the copy cannot be used.
    pub async fn roll_back(config: &Config, data: &Path, copy: &str, clock: &dyn Clock) -> Result<PathBuf, Fault> {
        let shelf = Arc::new(Shelf::new("", 0, data));
        let copy = shelf.copy_before_change(copy).await?;
        store::roll_back(config, data, copy, clock).await
    }

    /// Moves everything from one store into another, which must be empty. Whoever asks owns the folder, and nobody else uses
    /// either store. Answers what was moved, in counts and digests that are the same on both sides.
    ///
    /// # Errors
    /// When one of the stores cannot be used or the target holds anything; nothing is changed then.
    pub async fn transfer(config: &Config, data: &Path, clock: Arc<dyn Clock>, way: Move) -> Result<Value, Fault> {
        make_private_folder(data)?;
        store::transfer(config, data, clock, way).await
    }

    /// What of the bus's configuration cannot be used, as far as that can be told without a server.
    ///
    /// # Errors
    /// `bad_configuration`.
    pub(crate) async fn check_bus(reach: Reach<'_>) -> Result<(), Fault> {
        bus::check(reach).await
    }

    /// Takes up what an earlier run left and starts what the program does by itself. Comes before anybody is served: a call
    /// that is asked again must find how the first one ended.
    ///
    /// # Errors
    /// When the store fails; `bad_configuration` when telemetry cannot begin.
    pub async fn start(&self) -> Result<(), Fault> {
        let (again, unknown) = self.gate.take_up().await?;
        if (again, unknown) != (0, 0) {
            tracing::info!(again, unknown, "took up what an earlier run left");
        }
        Upkeep::new(self.gate.clone()).start(&self.background);
        Backups::new(self.gate.clone()).start(&self.background);
        let keeper = self.platform().service::<Keeper>()?;
        Box::pin(audit::erasure::once_more(self.platform())).await?;
        // A log that is not the one that it was does not keep anybody from working: it raises an alarm.
        Box::pin(keeper.look()).await?;
        self.background.keep("audit", move |stop| {
            let keeper = keeper.clone();
            async move { keeper.work(stop).await }
        });
        carrying::start(self.platform(), &self.background)?;
        // A store in the data folder has one owner; on one that several share, each subscription is led by one at a time.
        let relay = if self.store.instance().is_some() {
            Relay::new(self.gate.clone())
        } else {
            Relay::alone(self.gate.clone())
        };
        relay.start(&self.background);
        // The operator named the collector: it may lie anywhere.
        let anywhere = ["0.0.0.0/0", "::/0"].into_iter().filter_map(Network::parse).collect();
        let (platform, outside) = (self.platform().clone(), Arc::new(GuardedOutside::new(anywhere)));
        let config = &self.platform().config.telemetry;
        if let Some(telemetry) = Telemetry::new(platform, config, outside, &*self.environment)? {
            telemetry.start(&self.background);
        }
        hearing::start(&self.gate, &self.background);
        beating::start(self.platform(), &self.background);
        retraining::start(&self.gate, &self.background);
        executing::start(&self.gate, &self.background)?;
        schedules::start(&self.gate, &self.background);
        ringing::start(self.platform(), &self.background);
        embedding::start(self.platform(), &self.background);
        mirroring::start(self.platform(), &self.background);
        if let Some(follower) = &self.follower {
            graph::keep(follower, &self.background);
        }
        folders::start(self.platform(), &self.data, &self.background);
        Ok(())
    }

    /// Background work, ended when the program closes.
    #[must_use]
    pub fn background(&self) -> &Supervisor {
        &self.background
    }

    /// The gate: the only way to a capability.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// What all calls share.
    #[must_use]
    pub fn platform(&self) -> &Arc<Platform> {
        self.gate.platform()
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The administrator's key, where this start made it. Nobody can read it again.
    #[must_use]
    pub fn first_key(&self) -> Option<&Secret> {
        self.first_key.as_ref()
    }

    /// Ends what runs within the limit, which all of it shares, backups and restores that outlived their calls included, writes
    /// what waits and closes the store.
    pub async fn close(&self, limit: Duration) {
        let until = Instant::now() + limit;
        self.gate.close(limit).await;
        // Background work hears that it is time only now, and ends between two steps.
        self.background.stop(until.saturating_duration_since(Instant::now()).max(STEP)).await;
        if let Err(fault) = self.end_models().await {
            tracing::warn!(%fault, "the usage of models could not be written at the end");
        }
        if let Ok(runs) = self.platform().service::<Runs>()
            && let Err(fault) = runs.flush(self.platform()).await
        {
            tracing::warn!(?fault, "the last runs of agents could not be written");
        }
        if let Ok(uses) = self.platform().service::<Uses>()
            && let Err(fault) = uses.flush(self.platform()).await
        {
            tracing::warn!(?fault, "the last uses of prompts could not be written");
        }
        // Of calls that outlived the limit, too.
        if let Err(fault) = self.gate.write_waiting().await {
            tracing::warn!(%fault, "audit entries of the last calls could not be written");
        }
        self.store.clone().end().await;
    }
}

impl App {
    /// Writes what was used of models and gives back what is leased of budgets.
    async fn end_models(&self) -> Result<(), Fault> {
        self.platform().service::<Router>()?.close(self.platform()).await
    }
}

/// The services that domains keep alive between calls.
fn add_services(services: Services, config: &Config) -> Services {
    let sources = MODULES.iter().flat_map(|module| module.sources.iter().map(|make| make()));
    let sources = Sources(sources.collect());
    let outside: Arc<dyn Outside> = Arc::new(GuardedOutside::new(networks(config)));
    let gateway = Arc::new(Gateway::new(outside.clone()));
    let language: Arc<dyn Expressions> = Arc::new(FeelLanguage::default());
    services
        .with(Arc::new(ToolIndex::default()))
        .with(Arc::new(sources))
        .with(Arc::new(Outgoing(outside)))
        .with(Arc::new(Forwarding(gateway.clone())))
        .with(gateway)
        .with(Arc::new(Following::default()))
        .with(Arc::new(Searched(vec![&memory::SEARCHABLE, &documents::model::chunk::SEARCHABLE])))
        .with(Arc::new(Mirrors(vec![&agents::IN_GRAPH, &personas::IN_GRAPH, &prompts::IN_GRAPH, &documents::IN_GRAPH])))
        .with(Arc::new(Monitor::default()))
        .with(Arc::new(Runs::default()))
        .with(Arc::new(Graphs::default()))
        .with(Arc::new(Desk::default()))
        .with(Arc::new(RuleBook::new(language.clone())))
        .with(Arc::new(Language(language)))
        .with(Arc::new(Xml(Arc::new(QuickXml))))
        .unless_given(|| Continuations(vec![executions::QUEUE]))
        .unless_given(|| Reader::new(Arc::new(ReadingProcess::default())))
}

/// What comes as files: prompts, personas, templates of processes and the providers of models, and what is made of them.
fn add_files(services: Services, reach: Reach<'_>) -> Result<Services, Fault> {
    let files::Files { prompts, personas, templates } = files::built_in()?;
    let providers = Arc::new(providers::built_in()?);
    let sources: Vec<Arc<dyn PromptSource>> = vec![Arc::new(Prompts::new(prompts.clone()))];
    let services = services
        .with(Arc::new(Folders(vec![prompts.clone(), personas.clone(), templates.clone(), providers.clone()])))
        .with(prompts)
        .with(personas)
        .with(templates)
        .with(Arc::new(PromptSources(sources)))
        .with(Arc::new(Uses::default()))
        .with(Arc::new(Counting(Arc::new(Tiktoken))));
    Ok(add_models(services, reach, providers))
}

/// Where backups lie, and what they are encrypted under.
async fn shelf(reach: Reach<'_>, of_vault: &Arc<dyn MasterKeys>) -> Result<Shelf, Fault> {
    let Reach { config, data, environment, .. } = reach;
    let backup = &config.backup;
    let keys = match backup.encrypted_by() {
        None => return Err(Fault::new(&codes::BAD_CONFIGURATION, "backup.encrypt cannot be read")),
        Some(EncryptedBy::Nothing) => None,
        Some(EncryptedBy::Vault) => Some(of_vault.clone()),
        Some(EncryptedBy::Own(place)) => Some(keys_in(place, data, environment)),
    };
    let shelf = Shelf::new(&backup.folder, backup.keep, data).keeping_days(backup.keep_days);
    Ok(shelf.sending_to(reach.backups().await?).sealing_under(keys))
}

/// Where the master keys come from.
fn master_keys(config: &Config, data: &Path, environment: &Arc<dyn Environment>) -> Result<Arc<dyn MasterKeys>, Fault> {
    let Some(place) = config.vault.place() else {
        return Err(Fault::new(&codes::BAD_CONFIGURATION, "vault.master cannot be read"));
    };
    Ok(keys_in(place, data, environment))
}

/// The keys in a place.
fn keys_in(place: Place<'_>, data: &Path, environment: &Arc<dyn Environment>) -> Arc<dyn MasterKeys> {
    match place {
        Place::Own => Arc::new(KeyFile::own(data.join(MASTER_KEY))),
        // A relative path is one of the data folder, wherever the program was started.
        Place::File(path) => Arc::new(KeyFile::of_operator(data.join(path))),
        Place::Variable(variable) => Arc::new(KeyVariable::new(variable.to_owned(), environment.clone())),
        Place::Command(line) => Arc::new(KeyCommand::new(line)),
    }
}

/// What seals the audit log, chains it and signs for it.
async fn add_audit(services: Services, reach: Reach<'_>, store: &Arc<dyn Store>) -> Result<Services, Fault> {
    let Reach { config, data, clock, .. } = reach;
    let audit = &config.audit;
    let within = |configured: &str, default: &str| data.join(if configured.is_empty() { default } else { configured });
    let folder = within(&audit.keys, "keys");
    make_private_folder(&folder)?;
    let file = key::signing(&folder)?;
    let signer = Signer::new(&file).ok_or_else(|| unusable_by(&folder.join(key::SIGNING), "it is no Ed25519 key"))?;
    key::tell_public(&folder, &signer.verifier().to_string())?;
    let mut anchors: Vec<Arc<dyn Anchor>> = Vec::new();
    for anchor in &audit.anchors {
        anchors.push(match anchor.as_str() {
            "webhook" => Arc::new(WebhookAnchor::new(&audit.anchor_webhook).map_err(|why| {
                Fault::new(&codes::BAD_CONFIGURATION, format!("audit.anchor_webhook cannot be used: {why}"))
            })?),
            "objects" => reach.anchor().await?,
            _ => Arc::new(FileAnchor::new(within(&audit.anchor_file, "anchors/checkpoints.jsonl"))),
        });
    }
    let rhythm = Rhythm { entries: audit.checkpoint_entries, span: Duration::from_secs(audit.checkpoint_seconds) };
    let checkpoints = Checkpoints::new(store.clone(), clock.clone(), signer, anchors, rhythm);
    let alarms = Arc::new(Alarms::default());
    let keeper = Keeper::new(store.clone(), clock.clone(), checkpoints, alarms.clone());
    let sealer = Sealer::new(Arc::new(SubjectKeyFile::new(folder.join("subjects.keys"))));
    Ok(services.with(Arc::new(sealer)).with(Arc::new(keeper)).with(alarms))
}

/// Where the program may connect to for others, beyond the public internet.
fn networks(config: &Config) -> Vec<Network> {
    config.outside.private_networks.iter().filter_map(|text| Network::parse(text)).collect()
}

/// How events are stored and delivered.
fn add_events(services: Services, config: &Config, bus: Arc<dyn Bus>) -> Services {
    let ways = Ways::new(bus, Arc::new(HttpWebhooks::new(networks(config))));
    let topics = TopicBook::new(MODULES.iter().flat_map(|module| module.topics));
    services.with(Arc::new(ways)).with(Arc::new(topics)).with(Arc::new(Schemas::default()))
}

/// The providers of models and how they are spoken to.
fn add_models(services: Services, reach: Reach<'_>, providers: Arc<Providers>) -> Services {
    let Reach { config, environment, clock, .. } = reach;
    let settings = RouterSettings {
        shares_keys: config.models.share_keys,
        calls_at_once: config.models.calls_at_once,
        cache_seconds: u32::try_from(config.models.cache_seconds).unwrap_or(u32::MAX),
        tells_content: config.telemetry.content,
    };
    let vendors = Vendors::new(networks(config));
    services
        .with(providers)
        .with(Router::new(settings, environment.clone(), new_uuid(clock.now())))
        .unless_given(|| vendors.dialects())
        .unless_given(|| vendors.tenant_dialects())
        .unless_given(|| vendors.tuners())
}

/// The fault of a part of the data folder that the program cannot start on. A full disk stays one: room mends it.
fn unusable(part: &Path, fault: StoreFault) -> Fault {
    match fault {
        StoreFault::Full => store_fault(fault),
        StoreFault::Broken(why) | StoreFault::Unavailable(why) => unusable_by(part, why),
        StoreFault::Conflict(_) | StoreFault::TooMuch | StoreFault::TooLarge { .. } => {
            unusable_by(part, store_fault(fault))
        }
    }
}

fn unusable_by(part: &Path, why: impl std::fmt::Display) -> Fault {
    Fault::new(&codes::BAD_CONFIGURATION, format!("{} cannot be used: {why}", part.display()))
}

/// Every tool with its card: the one in the data folder, where there is one that can be used, else the built-in one.
fn tools(rows: &[Row], data: &Path) -> Result<Vec<Arc<Tool>>, Fault> {
    let of_module = |module: &&'static Module| module.rows.iter().map(|row| (row, module.faults));
    let all = || MODULES.iter().flat_map(of_module).chain(rows.iter().map(|row| (row, &[][..])));
    let names: Vec<&str> = all().map(|(row, _)| row.spec.name).collect();
    let laid = cards::laid_over(data, &names);
    for (file, why) in &laid.broken {
        tracing::warn!(file = %file.display(), %why, "a card is left out, the built-in one stays in force");
    }
    let both = cards::built_in()?.into_iter().chain(laid.cards);
    let mut cards: HashMap<String, Card> = both.map(|card| (card.tool.clone(), card)).collect();
    let made = all().map(|(row, faults)| {
        let card = cards.remove(row.spec.name).unwrap_or_default();
        Arc::new(Tool::built(row, card, faults))
    });
    Ok(made.collect())
}

fn make_private_folder(folder: &Path) -> Result<(), Fault> {
    let cannot = |error: std::io::Error| unusable_by(folder, error);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot)
    }
    #[cfg(not(unix))]
    std::fs::create_dir_all(folder).map_err(cannot)
}

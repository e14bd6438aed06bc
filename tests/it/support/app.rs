//! The whole program on a folder of its own, with a clock that stands still and callers whose keys are known.

use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::documents::worker::Worker;
use convoke::app::{App, Settings};
use convoke::capability::caller::{Caller, Credential, Door, Origin};
use convoke::capability::gate::{Reply, Request};
use convoke::capability::outcome::Outcome;
use convoke::capability::platform::Services;
use convoke::config::Config;
use convoke::domain::documents::Reader;
use convoke::domain::system::LogRing;
use convoke::kernel::clock::{Clock as _, ManualClock};
use convoke::kernel::fault::Fault;
use convoke::kernel::id::{CallId, TenantId, UserId};
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use super::program::program;
use super::scene;
use super::scripted::{self, Scripted};

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Person {
    /// Their tenant.
    pub(crate) tenant: TenantId,
    /// Their id.
    pub(crate) user: UserId,
    /// Their key.
    pub(crate) key: Secret,
}

/// The program under test.
pub(crate) struct TestApp {
    /// The program.
    pub(crate) app: Arc<App>,
    /// Its clock: Friday 2026-11-20, noon.
    pub(crate) clock: Arc<ManualClock>,
    /// The administrator of the default tenant.
    pub(crate) admin: Person,
    /// Ada, who has the role member.
    pub(crate) member: Person,
    /// Bo, who has no role.
    pub(crate) nobody: Person,
    /// Cleo, whose account is suspended.
    pub(crate) suspended: Person,
    /// Eve, the administrator of another tenant.
    pub(crate) stranger: Person,
    /// The vendor of the models of the provider `test`.
    pub(crate) vendor: Arc<Scripted>,
    folder: TempDir,
}

impl TestApp {
    /// The program with the scene set.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, started otherwise.
    pub(crate) async fn start_with(alter: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap()));
        let mut settings = Settings::new(config(), folder.path().to_owned(), clock.clone());
        scripted::lay(folder.path());
        let vendor = Scripted::new();
        vendor.moves(clock.clone());
        settings.services = services(&vendor).with(Arc::new(LogRing::new(100)));
        alter(&mut settings);
        let app = App::open(settings).await.unwrap();
        let key = app.first_key().unwrap().clone();
        let caller = app.gate().identify(&Credential::Bearer(key.clone()), None).await.unwrap();
        let admin = Person { tenant: caller.tenant, user: caller.user, key };
        let keys = scene::set(&*app.platform().store, admin.tenant, clock.now()).await;
        app.platform().blobs.put(admin.tenant, scene::document_text().into()).await.unwrap();
        let here = |user, key| Person { tenant: admin.tenant, user: UserId::from_uuid(user), key };
        Self {
            member: here(scene::ADA, keys.member),
            nobody: here(scene::BO, keys.nobody),
            suspended: here(scene::CLEO, keys.suspended),
            stranger: Person {
                tenant: TenantId::from_uuid(scene::ELSEWHERE),
                user: UserId::from_uuid(scene::EVE),
                key: keys.stranger,
            },
            admin,
            app,
            clock,
            vendor,
            folder,
        }
    }

    /// Stops the program and starts it again on the same folder.
    pub(crate) async fn restart(self) -> Self {
        self.app.close(Duration::from_secs(5)).await;
        let mut settings = Settings::new(config(), self.folder.path().to_owned(), self.clock.clone());
        settings.services = services(&self.vendor);
        Self { app: App::open(settings).await.unwrap(), ..self }
    }

    /// Opens the program again on the same folder, started otherwise. Nothing of the earlier run is closed: it ends as in a
    /// crash, unless the test closed it.
    pub(crate) async fn open_again_with(self, alter: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(config(), self.folder.path().to_owned(), self.clock.clone());
        settings.services = services(&self.vendor);
        alter(&mut settings);
        Self { app: App::open(settings).await.unwrap(), ..self }
    }

    /// Another instance by the same clock, started with this configuration on a folder of its own, with the same vendor.
    pub(crate) async fn another(&self, config: Config) -> (Arc<App>, TempDir) {
        let folder = TempDir::new().unwrap();
        scripted::lay(folder.path());
        let mut settings = Settings::new(config, folder.path().to_owned(), self.clock.clone());
        settings.services = services(&self.vendor);
        let app = App::open(settings).await.unwrap();
        assert!(app.first_key().is_none(), "the first instance has made the administrator and the key");
        (app, folder)
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The caller of a key.
    pub(crate) async fn identify(&self, key: &str) -> Result<Arc<Caller>, Fault> {
        let credential = Credential::Bearer(Secret::new(key.to_owned()));
        self.app.gate().identify(&credential, None).await
    }

    /// Makes a call as somebody.
    pub(crate) async fn call(&self, person: &Person, tool: &str, input: Value) -> Result<Value, Fault> {
        self.call_by_key(person.key.reveal(), tool, input).await
    }

    /// Makes a call with a key.
    pub(crate) async fn call_by_key(&self, key: &str, tool: &str, input: Value) -> Result<Value, Fault> {
        let caller = self.identify(key).await?;
        value(self.reply(caller, tool, input, |_| {}).await)
    }

    /// Makes a call as somebody, with more than a tool and an input.
    pub(crate) async fn call_with(
        &self,
        person: &Person,
        tool: &str,
        input: Value,
        alter: impl FnOnce(&mut Request),
    ) -> Result<Reply, Fault> {
        let caller = self.identify(person.key.reveal()).await?;
        Ok(self.reply(caller, tool, input, alter).await)
    }

    /// Makes a call of an identified caller.
    pub(crate) async fn reply(
        &self,
        caller: Arc<Caller>,
        tool: &str,
        input: Value,
        alter: impl FnOnce(&mut Request),
    ) -> Reply {
        self.app.gate().call(self.request(caller, tool, input, alter)).await
    }

    /// A call of an identified caller that is not made yet.
    pub(crate) fn request(
        &self,
        caller: Arc<Caller>,
        tool: &str,
        input: Value,
        alter: impl FnOnce(&mut Request),
    ) -> Request {
        let origin = Origin { door: Door::Inside, address: None };
        let mut request = Request::new(CallId::new(self.clock.now()), caller, origin, tool, input);
        alter(&mut request);
        request
    }
}

/// What stands in for the outside: the scripted vendor, and a reader of documents that starts the program and not the tests.
fn services(vendor: &Arc<Scripted>) -> Services {
    let reader = Reader::new(Arc::new(Worker::of(program())));
    Services::default().with(Arc::new(vendor.dialects())).with(Arc::new(reader))
}

/// The defaults, with limits that no test meets by accident.
pub(crate) fn config() -> Config {
    let mut config = convoke::config::load::defaults().unwrap();
    config.limits.reads_per_minute = 1_000_000;
    config.limits.writes_per_minute = 1_000_000;
    config.limits.anonymous_per_minute = 1_000_000;
    config
}

/// The value that a reply holds.
pub(crate) fn value(reply: Reply) -> Result<Value, Fault> {
    match reply.result? {
        Outcome::Value(value) => Ok(value),
        Outcome::Stream(_) | Outcome::Bytes(_) => unreachable!("the answer is not one value"),
    }
}

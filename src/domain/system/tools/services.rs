//! `system_services`: every registered service, and this program itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::fleet;
use crate::domain::system::engine::gateway::Gateway;
use crate::domain::system::model::fleet::Beat;
use crate::domain::system::model::instance::{Instance, InstanceHealth, InstanceView};
use crate::domain::system::operator;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query};

/// Lists services.
pub(in crate::domain::system) struct Services;

/// More instances are not told of in one answer.
const MOST: u32 = 1000;

/// Which services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Only services whose names begin with this.
    #[serde(default)]
    #[schemars(length(max = 64))]
    name: Option<String>,
    /// Only services of which an instance can do this.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    capability: Option<String>,
}

/// The services.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The registered services by name.
    services: Vec<Service>,
    /// The instances of this program itself that share the store, the one that answers first, for callers who may read the system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<Own>,
    /// Whether there are more instances than are told of here.
    truncated: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Service {
    /// Its name.
    name: String,
    /// How it is: healthy while an instance of it is.
    health: InstanceHealth,
    /// How many of its instances are healthy.
    healthy: usize,
    /// How many of its instances the gateway leaves alone at this moment, because they keep failing.
    left_alone: usize,
    /// What its instances can do.
    capabilities: Vec<String>,
    /// The services that it needs.
    depends_on: Vec<String>,
    /// Of these, the ones that are not registered or not healthy.
    missing: Vec<String>,
    /// Its instances.
    instances: Vec<InstanceView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Own {
    /// Its number, anew at each start; 0 where it shares the store with nobody. By it `system_metrics` tells its figures.
    id: i32,
    /// How it is: `silent` when it has said nothing for some seconds. One that is gone is soon left out.
    health: InstanceHealth,
    /// When it was last heard of.
    heard_at: Timestamp,
    /// The program's version.
    version: String,
    /// The process's number.
    process_id: u32,
    /// When it started.
    started_at: Timestamp,
    /// The domains of its tools.
    capabilities: Vec<String>,
}

impl Capability for Services {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_services",
        Domain::System,
        Route::get("/system/services"),
        Permit::on(Resource::Services, Action::Read),
        "All registered outside services with their instances, health, capabilities and dependencies, and the instances of this \
         server. To reach one service use service_discover.",
    )
    .also(&[Route::get("/services")]);

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let filter = input
            .name
            .filter(|name| !name.is_empty())
            .map_or(Filter::All, |name| Filter::StartsWith("serviceName", name));
        let query = Query { filter, order: "serviceName", descending: false, after: None, limit: MOST + 1 };
        let mut found = cx.find::<Instance>(query).await?;
        let truncated = found.len() > MOST as usize;
        found.truncate(MOST as usize);
        let now = cx.now();
        let mut services: BTreeMap<String, Vec<(uuid::Uuid, Instance)>> = BTreeMap::new();
        for one in found {
            services.entry(one.value.service_name.clone()).or_default().push((one.id, one.value));
        }
        let healthy: Vec<String> = services
            .iter()
            .filter(|(_, all)| all.iter().any(|(_, one)| one.health(now) == InstanceHealth::Healthy))
            .map(|(name, _)| name.clone())
            .collect();
        let gateway = cx.service::<Gateway>()?;
        let told = services.into_iter().map(|(name, instances)| {
            let ids: Vec<uuid::Uuid> = instances.iter().map(|(id, _)| *id).collect();
            Service { left_alone: gateway.open_breakers(cx.platform(), &ids), ..told(name, instances, &healthy, now) }
        });
        let fits =
            |service: &Service| input.capability.as_ref().is_none_or(|wanted| service.capabilities.contains(wanted));
        Ok(Output {
            services: told.filter(fits).collect(),
            instances: if operator::may_look(cx).await { instances(cx).await? } else { Vec::new() },
            truncated,
        })
    }
}

fn told(name: String, instances: Vec<(uuid::Uuid, Instance)>, healthy: &[String], now: Timestamp) -> Service {
    let all = |of: fn(&Instance) -> &Vec<String>| {
        let mut names: Vec<String> = instances.iter().flat_map(|(_, one)| of(one).clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let depends_on = all(|one| &one.depends_on);
    let states: Vec<InstanceHealth> = instances.iter().map(|(_, one)| one.health(now)).collect();
    let best = [InstanceHealth::Healthy, InstanceHealth::Draining, InstanceHealth::Down];
    Service {
        health: best.into_iter().find(|state| states.contains(state)).unwrap_or(InstanceHealth::Silent),
        left_alone: 0,
        healthy: states.iter().filter(|state| **state == InstanceHealth::Healthy).count(),
        capabilities: all(|one| &one.capabilities),
        missing: depends_on.iter().filter(|needed| !healthy.contains(needed)).cloned().collect(),
        depends_on,
        instances: instances.into_iter().map(|(id, one)| InstanceView::new(id, one, now)).collect(),
        name,
    }
}

async fn instances(cx: &Cx) -> Result<Vec<Own>, Fault> {
    let (platform, now) = (cx.platform(), cx.now());
    let mut beats = vec![fleet::own(platform, &fleet::own_figures(platform))];
    beats.extend(fleet::others(platform).await?);
    let told = |beat: Beat| Own {
        id: beat.instance,
        health: beat.health(now),
        heard_at: beat.heard_at,
        version: beat.version,
        process_id: beat.process_id,
        started_at: beat.started_at,
        capabilities: beat.capabilities,
    };
    Ok(beats.into_iter().map(told).collect())
}

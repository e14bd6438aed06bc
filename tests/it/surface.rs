//! The surface of the program as committed files: tools with their schemas, routes, permissions, faults, configuration. What
//! changes there changes for callers, and shows in the difference of a commit.

mod anthropic;
mod mcp;
mod openai;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use convoke::capability::outcome::Form;
use convoke::capability::permit::{Action, Grants, Permit, Resource};
use convoke::config::Config;
use convoke::domain::MODULES;
use convoke::domain::identity::roles::BUILT_IN;
use convoke::kernel::codes;
use serde_json::json;

use crate::snapshot::{hold, hold_all};
use crate::tools::{built, text};

#[test]
fn tools() {
    let files: BTreeMap<String, String> = built()
        .iter()
        .map(|tool| {
            let form = match tool.form {
                Form::Value => "value",
                Form::Stream => "stream",
                Form::Bytes => "bytes",
                Form::Content => "content",
            };
            let routes: Vec<String> =
                tool.routes.iter().map(|route| format!("{} {}", route.verb.name(), route.path)).collect();
            let told = json!({
                "name": &*tool.name,
                "title": tool.title,
                "domain": tool.domain.name(),
                "description": tool.description,
                "effect": tool.effect.name(),
                "permission": tool.permit.to_string(),
                "reaches": tool.reaches,
                "spends": tool.spends,
                "everyday": tool.everyday,
                "showsSecret": tool.shows_secret,
                "forwards": tool.forwards.is_some(),
                "form": form,
                "routes": routes,
                "input": &**tool.input(),
                "output": &**tool.output(),
            });
            (format!("{}.json", tool.name), format!("{told:#}\n"))
        })
        .collect();
    hold_all("tools", &files);
}

#[test]
fn routes() {
    let mut lines = BTreeSet::new();
    for tool in built() {
        for (place, route) in tool.routes.iter().enumerate() {
            let alias = if place == 0 { "" } else { " (alias)" };
            lines.insert(format!("{} /api/v1{} -> {}{alias}\n", route.verb.name(), route.path, tool.name));
        }
    }
    hold("routes.txt", &lines.into_iter().collect::<String>());
}

#[test]
fn permissions() {
    let mut by_permission: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for tool in built() {
        by_permission.entry(tool.permit.to_string()).or_default().push(tool.name.to_string());
    }
    let mut told = String::new();
    for (permission, tools) in by_permission {
        writeln!(told, "{permission}: {}", tools.join(", ")).unwrap();
    }
    hold("permissions.txt", &told);
}

#[test]
fn faults() {
    let mut told = String::new();
    let own = MODULES.iter().flat_map(|module| module.faults.iter().copied().map(|code| (module.domain.name(), code)));
    let all: Vec<_> = codes::ALL.iter().copied().map(|code| ("", code)).chain(own).collect();
    for (domain, code) in &all {
        let of = if domain.is_empty() { String::new() } else { format!(" of {domain}") };
        writeln!(told, "{} {}{of} (mended by {:?}, retry {:?})", code.name, code.status, code.blame, code.retry)
            .unwrap();
        writeln!(told, "    {}", code.mend).unwrap();
    }
    let names: BTreeSet<&str> = all.iter().map(|(_, code)| code.name).collect();
    assert_eq!(names.len(), all.len(), "a code's name is used twice");
    hold("faults.txt", &told);
}

#[test]
fn configuration() {
    let defaults = text(std::path::Path::new("config/convoke.toml"));
    let config: Config = toml::from_str(&defaults).unwrap();
    let mut told = String::new();
    for (section, keys) in serde_json::to_value(&config).unwrap().as_object().unwrap() {
        for (key, value) in keys.as_object().unwrap() {
            writeln!(told, "{section}.{key} = {value}").unwrap();
        }
    }
    hold("config.txt", &told);
}

/// Which of the built-in roles has which permission, and through them which tool.
#[test]
fn roles() {
    let roles: Vec<_> = BUILT_IN.iter().map(|role| (role.name, role.document().grants())).collect();
    let mut told = String::new();
    let mut line = |what: &str, has: &dyn Fn(Grants) -> bool| {
        let names: Vec<&str> = roles.iter().filter(|(_, grants)| has(*grants)).map(|(name, _)| *name).collect();
        writeln!(told, "{what}: {}", names.join(" ")).unwrap();
    };
    for (resource, action) in Resource::ALL.iter().flat_map(|one| Action::ALL.iter().map(move |action| (one, action))) {
        line(&Permit::on(*resource, *action).to_string(), &|grants| grants.allows(*resource, *action));
    }
    for tool in built() {
        match tool.permit {
            Permit::On(resource, action) => line(&tool.name, &|grants| grants.allows(resource, action)),
            Permit::Own | Permit::Public => line(&tool.name, &|_| true),
        }
    }
    hold("roles.txt", &told);
}

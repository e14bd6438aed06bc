//! `config`: the configuration in force, its defaults, its schema.

use super::arguments::{Config, ConfigWhat};
use super::exit::Failure;
use super::output;
use super::setting::Setting;
use crate::config::load;
use crate::config::mask::shown;

pub(super) fn run(setting: &Setting, asked: &Config) -> Result<(), Failure> {
    match &asked.what {
        ConfigWhat::Defaults => output::text(load::DEFAULTS),
        ConfigWhat::Schema => output::json(&load::schema()),
        ConfigWhat::Show { json } => {
            let loaded = setting.load()?;
            let values = shown(&loaded.config, &loaded.told_origins());
            if *json {
                output::json(&serde_json::json!({ "data": loaded.data, "files": loaded.files, "values": values }));
            } else {
                let mut rows: Vec<Vec<String>> =
                    values.into_iter().map(|shown| vec![shown.key, shown.value.to_string(), shown.source]).collect();
                rows.insert(0, vec!["data folder".to_owned(), loaded.data.display().to_string()]);
                output::table(&rows);
            }
        }
    }
    Ok(())
}

//! A provider of a tenant's own, or its own prices: the text of a file as it would lie in the folder `providers`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::id_of;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::models::catalogue::{FileFault, PriceList, Provider, read};
use crate::kernel::id::TenantId;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of tenants' own providers.
pub(crate) static MODEL_PROVIDER: Kind = Kind {
    fields: &[Field { name: "name", of: FieldType::Text }],
    unique: &[Unique { name: "name", fields: &["name"], across: Across::Tenant }],
    remembered: true,
    ..Kind::new("model_provider")
};

/// The name under which prices lie that are laid over those of all providers.
pub(crate) const PRICES: &str = "prices";

/// A provider of a tenant's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnProvider {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What such a text says.
pub(crate) enum Told {
    Provider(Arc<Provider>),
    Prices(PriceList),
}

impl Document for OwnProvider {
    const KIND: &'static Kind = &MODEL_PROVIDER;
}

impl Owned for OwnProvider {
    const RESOURCE: Resource = Resource::Models;
    const NOUN: &'static str = "provider";
}

impl OwnProvider {
    /// The id of the document of a provider.
    pub(crate) fn id(tenant: TenantId, name: &str) -> Uuid {
        id_of(&[b"model provider", tenant.uuid().as_bytes(), name.as_bytes()])
    }

    /// Reads the text.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn read(&self) -> Result<Told, Vec<FileFault>> {
        if self.name == PRICES {
            return read::prices(&self.name, &self.text).map(Told::Prices);
        }
        let provider = read::provider(&self.name, &self.text)?;
        let fault = |place: &str, say: String| FileFault { file: self.name.clone(), place: place.to_owned(), say };
        let mut faults = Vec::new();
        if *provider.name != *self.name {
            faults.push(fault("name", format!("is '{}' and not '{}'", provider.name, self.name)));
        }
        // What the operator's environment holds is not for tenants.
        let of_operator =
            [("base_url_variable", &provider.base_url_variable), ("key.variable", &provider.key.variable)];
        for (place, _) in of_operator.iter().filter(|(_, variable)| variable.is_some()) {
            faults.push(fault(place, "only the operator's files name variables of the environment".to_owned()));
        }
        if faults.is_empty() {
            Ok(Told::Provider(Arc::new(Provider { of_tenant: true, ..provider })))
        } else {
            Err(faults)
        }
    }
}

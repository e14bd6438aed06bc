//! The templates that come as files, in the versions that are in force.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::engine::template::Template;
use crate::kernel::fault::Fault;
use crate::port::expressions::Expressions;
use crate::port::overlay::{Broken, Layers, Overlaid, TextFile};

/// The files in force, by id.
pub type Files = BTreeMap<String, Arc<Template>>;

/// Keeps the files.
pub struct Templates {
    layers: Mutex<Layers<Template>>,
    present: ArcSwap<Files>,
    changes: watch::Sender<u64>,
}

impl Templates {
    /// The built-in files. Those that cannot be used are told: a fault of the program. Whether they keep what they promise is told by
    /// `unmet`, in the program's tests and by `convoke check`, and not at every start.
    #[must_use]
    pub fn new(built_in: &[TextFile]) -> (Self, Vec<Broken>) {
        let (layers, broken) = Layers::new(built_in, read);
        let present = ArcSwap::from_pointee(files(&layers));
        (Self { layers: Mutex::new(layers), present, changes: watch::Sender::new(0) }, broken)
    }

    /// The files in force now.
    #[must_use]
    pub fn present(&self) -> Arc<Files> {
        self.present.load_full()
    }

    /// Grows whenever the files are others.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Overlaid for Templates {
    fn folder(&self) -> &'static str {
        "processes"
    }

    fn ending(&self) -> &'static str {
        "json"
    }

    fn take(&self, laid: &[TextFile]) -> Vec<Broken> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let broken = layers.lay(laid, read);
        let now = files(&layers);
        // Nobody is told of what is as it was.
        if *self.present.load_full() != now {
            self.present.store(Arc::new(now));
            self.changes.send_modify(|count| *count += 1);
        }
        broken
    }
}

/// The template of an id.
///
/// # Errors
/// `not_found`, with those that there are.
pub(super) fn named<'a>(files: &'a Files, id: &str) -> Result<&'a Arc<Template>, Fault> {
    files.get(id).ok_or_else(|| {
        let known: Vec<&String> = files.keys().collect();
        Fault::not_found("template", id).with_detail(serde_json::json!({ "templates": known }))
    })
}

/// What the templates do not keep of what they promise, each with its id.
#[must_use]
pub fn unmet(files: &Files, language: &Arc<dyn Expressions>) -> Vec<(String, String)> {
    let of = |template: &Arc<Template>| {
        let id = template.id.clone();
        template.unmet(language).into_iter().map(move |why| (id.clone(), why)).collect::<Vec<_>>()
    };
    files.values().flat_map(of).collect()
}

fn files(layers: &Layers<Template>) -> Files {
    layers.in_force().map(|(_, file, _)| (file.id.clone(), file.clone())).collect()
}

fn read(file: &TextFile, text: &str) -> Result<Template, String> {
    Template::read(file.stem(), text)
}

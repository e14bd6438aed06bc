//! Whatever text a file of a process is, reading it ends without a panic; what was read as BPMN is drawn and written, and read back the same.
#![no_main]

use convoke::domain::processes::engine::bpmn::{About, export, import};
use convoke::domain::processes::engine::layout::lay_out;
use convoke::domain::processes::engine::pictures::{Progress, mermaid, svg};
use convoke::domain::processes::engine::yaml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(value) = yaml::read(text) {
        assert_eq!(yaml::read(&yaml::write(&value)).as_ref(), Ok(&value));
    }
    if let Ok(imported) = import(text) {
        let layout = lay_out(&imported.definition);
        let _ = svg(&imported.definition, &layout, &imported.name, &imported.description, &Progress::new());
        let _ = mermaid(&imported.definition, &imported.name, &Progress::new());
        let about = About { id: "p", name: &imported.name, description: &imported.description };
        let again = import(&export(&imported.definition, &layout, about));
        assert_eq!(again.ok().map(|again| again.definition), Some(imported.definition));
    }
});

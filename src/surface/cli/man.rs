//! `man`: the manual pages.

use clap::CommandFactory as _;

use super::arguments::{Arguments, Man};
use super::exit::Failure;
use super::output;
use crate::kernel::fault::Fault;

pub(super) fn run(asked: &Man) -> Result<(), Failure> {
    let command = Arguments::command();
    match &asked.folder {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page).map_err(Fault::internal)?;
            output::bytes(&page);
        }
        Some(folder) => {
            let write = || {
                std::fs::create_dir_all(folder)?;
                clap_mangen::generate_to(command, folder)
            };
            write().map_err(|error: std::io::Error| Failure::file(folder, error))?;
        }
    }
    Ok(())
}

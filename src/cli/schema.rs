//! `cutover schema`: the plan's JSON Schema, for editors that complete and check a plan while it is written.

use color_eyre::eyre::Result;

use crate::{
    cli::{Exit, print},
    plan::schema::schema,
};

/// Prints it.
/// # Errors
/// None that is known: everything in it has a form in JSON.
pub fn run() -> Result<Exit> {
    print::out(&format!("{:#}\n", schema()));
    Ok(Exit::Done)
}

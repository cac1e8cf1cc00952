//! Text ⇄ model: the files an admin edits and the hardware a machine posts.
//!
//! Two forms of each file (DESIGN.md 3): the data-only subset of Python literals that eDeploy files
//! use, and RON. Both are scanned into one tree of values with places; nothing is ever evaluated, and
//! no file is opened here. Texts that are rewritten keep every byte outside what changed.

pub mod cmdb;
pub mod convert;
mod document;
mod entry;
pub mod error;
pub mod facts;
pub mod generate;
mod literal;
mod native;
mod parser;
pub mod render;
mod scanner;
pub mod specs;
pub mod state;
pub mod steps;
mod tree;

pub use cmdb::CmdbDocument;
pub use convert::convert;
pub use error::ParseError;
pub use facts::{BadRow, ParsedFacts, parse_json, parse_literal, parse_named, render_hw};
pub use generate::{Expansion, GenerateError, MOST_ENTRIES, expand};
pub use render::{render_cmdb, render_specs, render_state};
pub use specs::parse as parse_specs;
pub use state::StateDocument;

/// Which of the two forms a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The original's: Python literals and the one call `generate({...})`.
    Edeploy,
    /// RON.
    Native,
}

impl Form {
    /// The form that a file's name says: `.ron` is native, all else eDeploy's. Nothing is guessed
    /// from the text (DESIGN.md 3).
    pub fn of_file_name(name: &str) -> Form {
        if name.ends_with(".ron") {
            Form::Native
        } else {
            Form::Edeploy
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod vectors;

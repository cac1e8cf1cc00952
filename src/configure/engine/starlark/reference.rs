//! The docstrings of all helpers, native ones and those of the library.

use starlark::docs::{DocFunction, DocItem, DocMember, DocParam, DocString};
use starlark::values::structs::StructRef;

use crate::configure::library as texts;
use crate::configure::reference::Helper;

use super::evaluate::GLOBALS;
use super::functions::NAMES;
use super::library;

/// What stands before the methods of the one object of several words, to scripts and to the engine.
const OBJECT: (&str, &str) = ("hpacucli.Cli().", "hpacucli.");

/// Defaults of native helpers that the engine does not tell, by their parameters.
const DEFAULTS: [(&str, &str); 3] = [
    ("basedir", "'/post_rsync'"),
    ("fmod", "0o644"),
    ("vlan_id", "-1"),
];

/// All helpers: those of the engine, of the library, of the hardware.
pub(in crate::configure::engine) fn helpers() -> Vec<Helper> {
    let documented = GLOBALS.documentation();
    let mut all = Vec::new();
    let own = |name: &str| documented.members.get(name).and_then(function);
    for name in NAMES {
        all.extend(own(name).map(|docs| helper(name, docs)));
    }
    all.push(Helper {
        name: "fail".to_owned(),
        signature: "fail(message)".to_owned(),
        summary: "Ends the script with a message, at this line.".to_owned(),
        details: "In a plan and on the machine alike. `attempt` gives the message instead."
            .to_owned(),
    });
    for namespace in texts::NAMESPACES {
        all.extend(of_library(namespace));
    }
    for namespace in ["ipmi", "hpacucli"] {
        if let Some(DocItem::Module(module)) = documented.members.get(namespace) {
            let members = module.members.iter();
            all.extend(members.filter_map(|(name, item)| {
                Some(helper(&format!("{namespace}.{name}"), function(item)?))
            }));
        }
    }
    let (object, start) = OBJECT;
    all.extend(documented.members.iter().filter_map(|(name, item)| {
        let name = name.strip_prefix(start)?;
        Some(helper(&format!("{object}{name}"), function(item)?))
    }));
    all
}

fn of_library(namespace: &str) -> Vec<Helper> {
    let found = library::module()
        .ok()
        .and_then(|module| module.get(namespace).ok());
    let Some(found) = found else {
        return Vec::new();
    };
    let members = StructRef::from_value(found.value());
    let members = members.iter().flat_map(StructRef::iter);
    members
        .filter_map(|(name, value)| {
            let item = value.documentation();
            Some(helper(
                &format!("{namespace}.{}", name.as_str()),
                function(&item)?,
            ))
        })
        .collect()
}

fn function(item: &DocItem) -> Option<&DocFunction> {
    match item {
        DocItem::Member(DocMember::Function(function)) => Some(function),
        _ => None,
    }
}

fn helper(name: &str, docs: &DocFunction) -> Helper {
    let text = docs.docs.clone();
    let DocString {
        summary, details, ..
    } = text.unwrap_or_default();
    Helper {
        name: name.to_owned(),
        signature: format!("{name}({})", parameters(docs).join(", ")),
        summary,
        details: details.unwrap_or_default().trim().to_owned(),
    }
}

/// The parameters as Python writes them, without a mark for those that have no name.
fn parameters(docs: &DocFunction) -> Vec<String> {
    let params = &docs.params;
    let plain = params.pos_only.iter().chain(&params.pos_or_named);
    let mut all: Vec<String> = plain.map(parameter).collect();
    all.extend(params.args.iter().map(|param| format!("*{}", param.name)));
    all.extend(params.named_only.iter().map(parameter));
    all.extend(
        params
            .kwargs
            .iter()
            .map(|param| format!("**{}", param.name)),
    );
    all
}

fn parameter(param: &DocParam) -> String {
    match &param.default_value {
        None => param.name.clone(),
        Some(value) => {
            let known = DEFAULTS.iter().find(|(name, _)| *name == param.name);
            let value = match (value.as_str(), known) {
                ("...", Some((_, known))) => (*known).to_owned(),
                (plain, _) => plain.replace('"', "'"),
            };
            format!("{}={value}", param.name)
        }
    }
}

//! Which types are latest state, and what names one value of such a type.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{bail, ensure};
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::Class;
use trunkline_protocol::Dialect;

use super::text::{ABOUT, docstring, quoted};

/// The text of the module.
pub(super) fn latest(catalogue: &Catalogue) -> anyhow::Result<String> {
    let about = [
        "The types that are latest state, in whatever dialect, and the field that names one value of each.".to_owned(),
        format!("Generated from protocol/schema/messages; {ABOUT}"),
    ];
    let mut text = docstring(&about, 0);
    text += "\nfrom collections.abc import Mapping\nfrom typing import Final\n\n";
    text += "LATEST: Final[Mapping[str, str | None]] = {\n";
    for (name, key) in keys(catalogue)? {
        writeln!(text, "    {}: {},", quoted(&name), key.map_or_else(|| "None".to_owned(), |key| quoted(&key)))?;
    }
    text += "}\n";
    text += &docstring(
        &["Each type's field of the payload whose value names what it is the state of; None where there is one value only.".to_owned()],
        0,
    );
    Ok(text)
}

/// The key of each latest type. A worker emits a type without saying a dialect, and its key travels as one text.
fn keys(catalogue: &Catalogue) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let all = || Dialect::ALL.into_iter().flat_map(|dialect| catalogue.types(dialect));
    let mut keys = BTreeMap::new();
    for message in all().filter(|message| message.class == Class::Latest) {
        let name = &message.name;
        ensure!(message.key.len() < 2, "{name}: a key of several fields is not covered");
        let key = message.key.first().cloned();
        if keys.insert(name.clone(), key.clone()).is_some_and(|known| known != key) {
            bail!("{name}: has another key in another dialect");
        }
    }
    if let Some(other) = all().find(|message| message.class != Class::Latest && keys.contains_key(&message.name)) {
        bail!("{}: is latest state in some dialects only", other.name);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use trunkline_protocol::class_of;

    use super::*;

    #[test]
    fn the_gateway_takes_these_types_as_latest_state_and_no_others() {
        let keys = keys(Catalogue::embedded()).unwrap();
        for dialect in Dialect::ALL {
            for message in Catalogue::embedded().types(dialect) {
                let is_latest = class_of(&message.name) == trunkline_protocol::Class::Latest;
                assert_eq!(keys.contains_key(&message.name), is_latest, "{}", message.name);
            }
        }
    }
}

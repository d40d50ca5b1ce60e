//! How a resource comes back, as a file says it.

use rotapool_core::Recovery;

use super::pool::TrialConfig;
use super::reading::Reading;
use super::setting::Setting;
use super::tree::Tree;

const WORDS: &str = "\"at_once\", \"ramp\", \"trial\", or a table `trial` with its terms";

impl Setting for Recovery {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        match tree {
            Tree::Text(word) => match word.as_str() {
                "at_once" => return Some(Self::AtOnce),
                "ramp" => return Some(Self::Ramp),
                "trial" => return Some(Self::Trial(TrialConfig::default().trial())),
                _ => {}
            },
            Tree::Map(entries) => {
                if let [(key, terms)] = entries.as_slice() {
                    if key == "trial" {
                        let read = |reading: &mut Reading| TrialConfig::read(terms, reading);
                        return Some(Self::Trial(reading.key(key, read)?.trial()));
                    }
                }
            }
            _ => {}
        }
        reading.expected(WORDS, tree);
        None
    }

    fn write(&self) -> Tree {
        match self {
            Self::AtOnce => Tree::text("at_once"),
            Self::Trial(trial) => Tree::map([("trial", TrialConfig::of(trial).write())]),
            _ => Tree::text("ramp"),
        }
    }

    fn schema() -> Tree {
        let words = ["at_once", "ramp", "trial"].map(Tree::text).to_vec();
        let table = Tree::map([
            ("type", Tree::text("object")),
            ("additionalProperties", Tree::Bool(false)),
            ("properties", Tree::map([("trial", TrialConfig::schema())])),
            ("required", Tree::List(vec![Tree::text("trial")])),
        ]);
        Tree::map([("oneOf", Tree::List(vec![Tree::map([("enum", Tree::List(words))]), table]))])
    }
}

//! When a run is hedged, as a file says it.

use std::time::Duration;

use rotapool_core::Hedge;

use super::reading::Reading;
use super::setting::Setting;
use super::tree::Tree;

impl Setting for Hedge {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        match tree {
            Tree::Text(word) if word == "never" => Some(Self::Never),
            Tree::Text(word) if word == "p95" => Some(Self::P95),
            _ => Duration::read(tree, reading).map(Self::After),
        }
    }

    fn write(&self) -> Tree {
        match self {
            Self::After(after) => after.write(),
            Self::P95 => Tree::text("p95"),
            _ => Tree::text("never"),
        }
    }

    fn schema() -> Tree {
        let words = Tree::map([("enum", Tree::List(["never", "p95"].map(Tree::text).to_vec()))]);
        Tree::map([("anyOf", Tree::List(vec![words, Duration::schema()]))])
    }
}

//! What the command line asks for.

use std::env;

use crate::Result;
use crate::profile::{self, Profile};

pub(crate) struct Options {
    pub(crate) profiles: Vec<&'static Profile>,
    pub(crate) peers: bool,
    pub(crate) seeds: u64,
    pub(crate) why: bool,
}

impl Options {
    pub(crate) fn of_this_process() -> Result<Self> {
        let mut options = Self { profiles: Vec::new(), peers: false, seeds: 2, why: false };
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--peers" => options.peers = true,
                "--why" => options.why = true,
                "--seeds" => {
                    let seeds = words.next().and_then(|number| number.parse().ok());
                    options.seeds =
                        seeds.filter(|seeds| *seeds > 0).ok_or("--seeds takes a number above 0")?;
                }
                name => options.profiles.push(named(name)?),
            }
        }
        if options.profiles.is_empty() {
            options.profiles = profile::ALL.iter().collect();
        }
        Ok(options)
    }
}

fn named(name: &str) -> Result<&'static Profile> {
    profile::ALL.iter().find(|profile| profile.name == name).ok_or_else(|| {
        let names: Vec<_> = profile::ALL.iter().map(|profile| profile.name).collect();
        format!(
            "no profile or option is called {name:?}; there are {}, --peers, --seeds and --why",
            names.join(", ")
        )
        .into()
    })
}

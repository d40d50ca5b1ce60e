//! The table from an upstream's answers to signals, as a file says it (feature `http`).

use std::collections::BTreeMap;
use std::time::Duration;

use rotapool_core::hints::{Class, Reaction, Reactions};

settings! {
    /// What becomes of an upstream's answers: nothing, retry, cool_down, cool_down_if_stated, disable, or a table `cool_down_or` with
    /// how long to cool down if nothing is stated. What is not said is as the table is by default.
    pub ReactionsConfig {
        /// To what was served.
        fine: Reaction,
        /// To an answer that is over a limit for a while.
        over_limit: Reaction,
        /// To one for which what was granted is used up, until nobody says when.
        quota_gone: Reaction,
        /// To one whose credentials are no good.
        auth_failed: Reaction,
        /// To an upstream that has too much to do, whoever asks.
        overloaded: Reaction,
        /// To a hiccup.
        transient: Reaction,
        /// To a request that every resource would refuse.
        callers_fault: Reaction,
        /// To single statuses, whatever else the answer says: 100 to 999.
        statuses: BTreeMap<u16, Reaction>,
        /// Up to how much a header is believed; zero is not at all.
        most_of_header: Duration,
        /// Up to how much a body is believed; zero is not at all.
        most_of_body: Duration,
        /// Up to how much an overloaded or transient answer is believed.
        most_of_outage: Duration,
    }
}

impl ReactionsConfig {
    /// The table: what is set, and for the rest what [`Reactions`] has by default.
    #[must_use]
    pub fn reactions(&self) -> Reactions {
        let mut reactions = Reactions::default();
        for (_, class, reaction) in self.classes() {
            if let Some(reaction) = reaction {
                reactions = reactions.on(class, reaction);
            }
        }
        for (&status, &reaction) in self.statuses.iter().flatten() {
            reactions = reactions.on_status(status, reaction);
        }
        let [header, body, outage] = longest(&reactions);
        reactions
            .most_of_header(self.most_of_header.unwrap_or(header))
            .most_of_body(self.most_of_body.unwrap_or(body))
            .most_of_outage(self.most_of_outage.unwrap_or(outage))
    }

    /// These, and where they say nothing those of the pool; so it is with each status.
    pub(crate) fn over(&self, pool: &Self) -> Self {
        let mut statuses = pool.statuses.clone().unwrap_or_default();
        statuses.extend(self.statuses.iter().flatten());
        Self { statuses: Some(statuses), ..self.clone().or(pool) }
    }

    /// All of a table.
    pub(crate) fn of(reactions: &Reactions) -> Self {
        let to = |class| Some(reactions.reaction_to(class));
        let [header, body, outage] = longest(reactions);
        Self {
            fine: to(Class::Fine),
            over_limit: to(Class::OverLimit),
            quota_gone: to(Class::QuotaGone),
            auth_failed: to(Class::AuthFailed),
            overloaded: to(Class::Overloaded),
            transient: to(Class::Transient),
            callers_fault: to(Class::CallersFault),
            statuses: Some(reactions.statuses().collect()),
            most_of_header: Some(header),
            most_of_body: Some(body),
            most_of_outage: Some(outage),
        }
    }

    /// The settings of the classes, by their names in a file.
    pub(super) fn classes(&self) -> [(&'static str, Class, Option<Reaction>); 7] {
        [
            ("fine", Class::Fine, self.fine),
            ("over_limit", Class::OverLimit, self.over_limit),
            ("quota_gone", Class::QuotaGone, self.quota_gone),
            ("auth_failed", Class::AuthFailed, self.auth_failed),
            ("overloaded", Class::Overloaded, self.overloaded),
            ("transient", Class::Transient, self.transient),
            ("callers_fault", Class::CallersFault, self.callers_fault),
        ]
    }
}

fn longest(reactions: &Reactions) -> [Duration; 3] {
    [reactions.longest_of_header(), reactions.longest_of_body(), reactions.longest_of_outage()]
}

#[cfg(feature = "serde")]
mod read {
    use rotapool_core::hints::Reaction;

    use crate::config::reading::Reading;
    use crate::config::setting::Setting;
    use crate::config::tree::Tree;

    const WORDS: [(&str, Reaction); 5] = [
        ("nothing", Reaction::Nothing),
        ("retry", Reaction::Retry),
        ("cool_down", Reaction::CoolDown),
        ("cool_down_if_stated", Reaction::CoolDownIfStated),
        ("disable", Reaction::Disable),
    ];
    const OR: &str = "cool_down_or";

    impl Setting for Reaction {
        fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
            match tree {
                Tree::Text(word) => {
                    if let Some((_, known)) = WORDS.iter().find(|(known, _)| known == word) {
                        return Some(*known);
                    }
                }
                Tree::Map(entries) => {
                    if let [(key, after)] = entries.as_slice() {
                        if key == OR {
                            let after = reading.key(key, |reading| Setting::read(after, reading));
                            return after.map(Self::CoolDownOr);
                        }
                    }
                }
                _ => {}
            }
            let words = WORDS.map(|(word, _)| format!("{word:?}")).join(", ");
            reading.expected(&format!("{words}, or a table `{OR}` with a duration"), tree);
            None
        }

        fn write(&self) -> Tree {
            match (self, WORDS.iter().find(|(_, known)| known == self)) {
                (_, Some((word, _))) => Tree::text(*word),
                (Self::CoolDownOr(after), _) => Tree::map([(OR, after.write())]),
                // There is no other.
                _ => Tree::Nothing,
            }
        }

        fn schema() -> Tree {
            let words = Tree::List(WORDS.map(|(word, _)| Tree::text(word)).to_vec());
            let table = Tree::map([
                ("type", Tree::text("object")),
                ("additionalProperties", Tree::Bool(false)),
                ("properties", Tree::map([(OR, std::time::Duration::schema())])),
                ("required", Tree::List(vec![Tree::text(OR)])),
            ]);
            Tree::map([("oneOf", Tree::List(vec![Tree::map([("enum", words)]), table]))])
        }
    }
}

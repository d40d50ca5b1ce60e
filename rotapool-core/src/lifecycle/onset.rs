//! The edge of a trouble.

/// Tells the onset of a trouble from its going on, so that it is reported once, and again after it was over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Onset {
    troubled: bool,
}

impl Onset {
    /// How things stand now; answers whether a trouble has begun by it.
    pub fn look(&mut self, troubled: bool) -> bool {
        !std::mem::replace(&mut self.troubled, troubled) && troubled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_trouble_is_news() {
        let mut onset = Onset::default();
        let told = [false, true, true, false, false, true].map(|troubled| onset.look(troubled));
        assert_eq!(told, [false, true, false, false, false, true]);
    }
}

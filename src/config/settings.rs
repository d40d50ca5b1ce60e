//! One table for a part: its struct, how it is read and written, and its schema.

/// Makes a struct of optional settings. One that is there by a feature says `where feature = ".."`.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $vis:vis $name:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty $(where $cfg:meta)?,)+
        }
    ) => {
        $(#[doc = $about])+
        ///
        /// Every setting is optional; what is not set is left as it is. Make one by hand with `..Default::default()` at its end:
        /// settings join in minor releases, and by features.
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name {
            $(
                $(#[doc = $doc])+
                $(#[cfg($cfg)] #[cfg_attr(docsrs, doc(cfg($cfg)))])?
                $vis $field: Option<$type>,
            )+
        }

        #[allow(dead_code, reason = "not every part is asked")]
        impl $name {
            pub(crate) const NAMES: &[&str] = &[$($(#[cfg($cfg)])? stringify!($field)),+];

            /// These settings, and where they say nothing those of the other.
            #[must_use]
            $vis fn or(self, other: &Self) -> Self {
                Self {
                    $($(#[cfg($cfg)])? $field: self.$field.or_else(|| other.$field.clone()),)+
                }
            }

            /// Whether a setting of this name is set.
            pub(crate) fn has(&self, name: &str) -> bool {
                match name {
                    $($(#[cfg($cfg)])? stringify!($field) => self.$field.is_some(),)+
                    _ => false,
                }
            }
        }

        #[cfg(feature = "serde")]
        impl $crate::config::setting::Setting for $name {
            fn read(
                tree: &$crate::config::tree::Tree,
                reading: &mut $crate::config::reading::Reading,
            ) -> Option<Self> {
                use $crate::config::tree::Tree;
                let Tree::Map(entries) = tree else {
                    reading.expected("a table", tree);
                    return None;
                };
                let mut read = Self::default();
                for (key, value) in entries {
                    reading.key(key, |reading| match key.as_str() {
                        $($(#[cfg($cfg)])? stringify!($field) => {
                            if read.$field.is_some() {
                                reading.wrong("it is there twice");
                            }
                            if *value != Tree::Nothing {
                                read.$field = $crate::config::setting::Setting::read(value, reading);
                            }
                        })+
                        _ => reading.wrong(format!(
                            "there is no such setting; there are {}",
                            Self::NAMES.join(" "),
                        )),
                    });
                }
                Some(read)
            }

            fn write(&self) -> $crate::config::tree::Tree {
                let mut entries = Vec::new();
                $($(#[cfg($cfg)])? {
                    if let Some(value) = &self.$field {
                        let written = $crate::config::setting::Setting::write(value);
                        entries.push((stringify!($field).to_owned(), written));
                    }
                })+
                $crate::config::tree::Tree::Map(entries)
            }

            fn schema() -> $crate::config::tree::Tree {
                use $crate::config::tree::Tree;
                let mut properties = Vec::new();
                $($(#[cfg($cfg)])? {
                    let mut schema = <$type as $crate::config::setting::Setting>::schema();
                    let about = concat!($($doc),+).trim();
                    if let Tree::Map(entries) = &mut schema {
                        entries.retain(|(key, _)| key != "description");
                        entries.insert(0, ("description".to_owned(), Tree::text(about)));
                    }
                    properties.push((stringify!($field).to_owned(), schema));
                })+
                Tree::map([
                    ("description", Tree::text(concat!($($about),+).trim())),
                    ("type", Tree::text("object")),
                    ("additionalProperties", Tree::Bool(false)),
                    ("properties", Tree::Map(properties)),
                ])
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let tree = $crate::config::tree::Tree::deserialize(deserializer)?;
                let mut reading = $crate::config::reading::Reading::default();
                let read = <Self as $crate::config::setting::Setting>::read(&tree, &mut reading);
                // Each part checks those within it.
                if let Some(Err(error)) = read.as_ref().map(Self::check) {
                    reading.also(error);
                }
                reading.finish(read).map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::config::setting::Setting::write(self).serialize(serializer)
            }
        }
    };
}

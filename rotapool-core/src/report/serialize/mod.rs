//! The plain values as `serde` writes them, for a page or a log that operators read.
//!
//! A key is called as the field is, or as the Prometheus metric where that has a name of its own. Time is
//! seconds: durations as they are, instants as they lie from the moment when the value was taken, because
//! an `Instant` means nothing outside its process.

/// Writes a struct of these keys.
macro_rules! write_struct {
    ($serializer:expr, $name:literal, { $($key:ident: $value:expr,)+ }) => {{
        use serde::ser::SerializeStruct as _;
        let mut fields = $serializer.serialize_struct($name, [$(stringify!($key)),+].len())?;
        $(fields.serialize_field(stringify!($key), &$value)?;)+
        fields.end()
    }};
}

mod pool;
mod resource;
mod words;

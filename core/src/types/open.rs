//! `open_struct!`: a struct that keeps the fields it does not know.
//!
//! serde's own `flatten` buffers every field of the object to do this; here known fields parse straight into place.

/// Defines a struct with `Deserialize` and `Serialize` in which `null` equals absent, unknown fields land in `extra`,
/// and absent fields are left out. A field is `name: Type = "json name"`; `requires "name"` makes one field mandatory.
macro_rules! open_struct {
    ($(#[$meta:meta])* pub struct $name:ident $(requires $required:literal)? {
        $($(#[$doc:meta])* pub $field:ident: $type:ty = $json:literal $(or $alias:literal)*,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
            /// Fields that junto does not know, kept as they came.
            pub extra: serde_json::Map<String, serde_json::Value>,
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut value = $name::default();
                        let missing: Option<&'static str> = None $(.or(Some($required)))?;
                        let mut complete = missing.is_none();
                        while let Some($crate::types::open::Key(key)) = map.next_key()? {
                            match &*key {
                                $($json $(| $alias)* => {
                                    if let Some(field) = map.next_value::<Option<$type>>()? {
                                        value.$field = field;
                                        complete |= missing == Some($json);
                                    }
                                })*
                                _ => { value.extra.insert(key.into_owned(), map.next_value()?); }
                            }
                        }
                        match missing {
                            Some(field) if !complete => Err(serde::de::Error::missing_field(field)),
                            _ => Ok(value),
                        }
                    }
                }
                deserializer.deserialize_map(Visitor)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(None)?;
                $(if !$crate::types::open::Absent::is_absent(&self.$field) { map.serialize_entry($json, &self.$field)?; })*
                for (key, value) in &self.extra { map.serialize_entry(key, value)?; }
                map.end()
            }
        }
    };
}
pub(crate) use open_struct;

/// A field name, borrowed from the input where it has no escapes.
///
/// Transparent, because a path to an error is made of strings and would not see through a newtype.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) std::borrow::Cow<'a, str>);

/// Whether a field is left out of the JSON.
pub(crate) trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for String {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for bool {
    fn is_absent(&self) -> bool {
        !self
    }
}

impl Absent for crate::types::Role {
    fn is_absent(&self) -> bool {
        false
    }
}

//! Vendors' JSON as they really send it: borrowed from the bytes, and forgiving about types. A struct whose fields are all of
//! these types can be read from any JSON object, so a field that a vendor bends never costs the rest of the answer.
//! `bound(deserialize = "'de: 'a")` on such a struct lets all its fields borrow.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value, value::RawValue};

/// Reads JSON; that its bytes are UTF-8 is checked once, not string by string.
pub(super) fn read<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<T> {
    serde_json::from_str(std::str::from_utf8(json).map_err(serde_json::Error::custom)?)
}

/// A string borrowed where it has no escapes; any other JSON value counts as its own text.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl Text<'_> {
    /// The text of a field, where it is there and not empty.
    pub(super) fn given<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
        text.map(|text| &*text.0).filter(|text| !text.is_empty())
    }

    /// [`Text::given`] of a field itself.
    #[expect(clippy::ref_option, reason = "what a wire struct has is a field of this type")]
    pub(super) fn of<'t>(text: &'t Option<Text<'_>>) -> Option<&'t str> {
        Self::given(text.as_ref())
    }
}

/// A count of tokens or seconds, or an index: a whole number, also where it is written as a float or a string.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count(pub(super) Option<u64>);

/// A sum of money: a number, or an object with its total.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost(pub(super) Option<f64>);

/// Yes or no; whatever is not a clear yes is no.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flag(pub(super) bool);

/// An object; anything else counts as none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<T>(pub(super) Option<T>);

/// A list of objects, also where the one there is stands by itself; what is no object is left out.
#[derive(Debug)]
pub(super) struct Objects<T>(pub(super) Vec<T>);

/// A list of parts, or text in place of the list or of a part; what is neither is left out.
#[derive(Debug)]
pub(super) struct Parts<T>(pub(super) Vec<T>);

/// One of them.
struct Part<T>(Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// What a visitor makes of text, and of a scalar: its own text.
macro_rules! written {
    ($text:expr) => {
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok($text(Cow::Borrowed(text)))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(text.to_owned())))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($text(Cow::Borrowed("")))
        }
        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(value.to_string())))
        }
        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(value.to_string())))
        }
        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(value.to_string())))
        }
        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(value.to_string())))
        }
    };
}
pub(super) use written;

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a str>);
        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            written!(Text);
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'a>, A::Error> {
                let mut items = Vec::<Value>::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Text(Cow::Owned(Value::Array(items).to_string())))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text<'a>, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(|value| Text(Cow::Owned(value.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Some counts are negative, for a bug of their vendor's; a cast makes them 0.
        number(deserializer).map(|number| Self(number.map(|number| number as u64)))
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number(deserializer).map(Self)
    }
}

/// Numbers below 2^53 survive as `f64`; token counts and Unix times are.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    struct NumberVisitor;
    impl<'de> Visitor<'de> for NumberVisitor {
        type Value = Option<f64>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }
        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }
        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok(Some(value))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(text.trim().parse().ok().filter(|number: &f64| number.is_finite()))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            skip(seq).map(|()| None)
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let map = Value::deserialize(MapAccessDeserializer::new(map))?;
            Ok(map.get("total_cost").and_then(Value::as_f64))
        }
    }
    deserializer.deserialize_any(NumberVisitor)
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(matches!(&*text.0, "true" | "True" | "1")))
    }
}

/// What a visitor makes of `null`, of a flag and of a number.
macro_rules! nothing {
    ($nothing:expr) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
    };
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            nothing!(Object(None));
            fn visit_str<E>(self, _: &str) -> Result<Object<T>, E> {
                Ok(Object(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Object<T>, A::Error> {
                skip(seq).map(|()| Object(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|object| Object(Some(object)))
            }
        }
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectsVisitor<T> {
            type Value = Objects<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }
            nothing!(Objects::default());
            fn visit_str<E>(self, _: &str) -> Result<Objects<T>, E> {
                Ok(Objects::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Objects<T>, A::Error> {
                let mut objects = Vec::new();
                while let Some(Object(object)) = seq.next_element()? {
                    objects.extend(object);
                }
                Ok(Objects(objects))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Objects<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|object| Objects(vec![object]))
            }
        }
        deserializer.deserialize_any(ObjectsVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de> + From<String>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + From<String>> Visitor<'de> for PartVisitor<T> {
            type Value = Part<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a part")
            }
            nothing!(Part(None));
            fn visit_str<E>(self, text: &str) -> Result<Part<T>, E> {
                Ok(Part(Some(text.to_owned().into())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Part<T>, A::Error> {
                skip(seq).map(|()| Part(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|part| Part(Some(part)))
            }
        }
        deserializer.deserialize_any(PartVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de> + From<String>> Deserialize<'de> for Parts<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + From<String>> Visitor<'de> for PartsVisitor<T> {
            type Value = Parts<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of parts")
            }
            nothing!(Parts::default());
            fn visit_str<E>(self, text: &str) -> Result<Parts<T>, E> {
                Ok(Parts(vec![text.to_owned().into()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Parts<T>, A::Error> {
                let mut parts = Vec::new();
                while let Some(Part(part)) = seq.next_element()? {
                    parts.extend(part);
                }
                Ok(Parts(parts))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Parts<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|part| Parts(vec![part]))
            }
        }
        deserializer.deserialize_any(PartsVisitor(PhantomData))
    }
}

/// The arguments of a tool call as JSON text, whether they came as an object or as text; empty where there are none.
pub(super) fn arguments(given: Option<&RawValue>) -> Cow<'_, str> {
    let json = given.map_or("", RawValue::get).trim();
    let written = json.starts_with('"').then(|| serde_json::from_str::<String>(json).ok()).flatten();
    let text = written.map_or(Cow::Borrowed(json), Cow::Owned);
    if matches!(text.trim(), "" | "{}" | "null") { Cow::Borrowed("") } else { text }
}

/// Reads a list to its end.
fn skip<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, bound(deserialize = "'de: 'a"))]
    struct Sample<'a> {
        text: Option<Text<'a>>,
        count: Count,
        flag: Flag,
        object: Object<Inner<'a>>,
        objects: Objects<Inner<'a>>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, bound(deserialize = "'de: 'a"))]
    struct Inner<'a> {
        name: Option<Text<'a>>,
    }

    #[test]
    fn any_value_in_any_place_is_read() {
        let odd = [
            json!(null),
            json!(true),
            json!(-1),
            json!(7),
            json!(1.5),
            json!("7"),
            json!(""),
            json!([]),
            json!([[{"a": 1}], 2]),
            json!({}),
            json!({"a": [1]}),
        ];
        for value in &odd {
            let json = json!({"text": value, "count": value, "flag": value, "object": value, "objects": value, "more": value}).to_string();
            assert!(serde_json::from_str::<Sample<'_>>(&json).is_ok(), "{json}");
        }
    }

    #[test]
    fn what_is_meant_is_kept() {
        let read = |json: &'static str| serde_json::from_str::<Sample<'static>>(json).unwrap();
        let sample = read(
            r#"{"text": "plain", "count": "12", "flag": true, "object": {"name": "a"}, "objects": [null, {"name": "b"}, 3, {"name": "c"}]}"#,
        );
        assert!(matches!(sample.text, Some(Text(Cow::Borrowed("plain")))), "borrowed");
        assert_eq!((sample.count.0, sample.flag.0), (Some(12), true));
        assert_eq!(sample.object.0.and_then(|inner| Text::of(&inner.name).map(str::to_owned)).as_deref(), Some("a"));
        let names: Vec<_> = sample.objects.0.iter().filter_map(|inner| Text::of(&inner.name)).collect();
        assert_eq!(names, ["b", "c"]);
        let sample = read(r#"{"text": {"a": 1}, "count": 12.0, "flag": "false", "objects": {"name": "alone"}}"#);
        assert_eq!((Text::of(&sample.text), sample.count.0, sample.flag.0), (Some(r#"{"a":1}"#), Some(12), false));
        assert_eq!(Text::of(&sample.objects.0[0].name), Some("alone"));
    }
}

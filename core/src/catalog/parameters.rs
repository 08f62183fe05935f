//! Sets of request parameters and of modalities, as bits: the planner compares them per endpoint.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

macro_rules! set {
    ($(#[$doc:meta])* $item:ident $(#[$set_doc:meta])* $set:ident { $($variant:ident $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[expect(missing_docs, reason = "each is the name of what it stands for")]
        pub enum $item { $($variant,)* }

        impl $item {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<Self> { match name { $($name => Some(Self::$variant),)* _ => None } }
        }

        impl fmt::Display for $item {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }

        impl<'de> Deserialize<'de> for $item {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                Self::from_name(&name).ok_or_else(|| D::Error::unknown_variant(&name, &[$($name),*]))
            }
        }

        impl Serialize for $item {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> { serializer.serialize_str(self.as_str()) }
        }

        $(#[$set_doc])*
        #[derive(Clone, Copy, Default, Eq, PartialEq)]
        pub struct $set(u32);

        impl $set {
            /// The empty set.
            pub const EMPTY: Self = Self(0);

            /// Adds one.
            pub fn insert(&mut self, item: $item) { self.0 |= 1 << item as u32; }

            /// Whether it is in.
            pub fn contains(self, item: $item) -> bool { self.0 & (1 << item as u32) != 0 }

            /// What is in either.
            pub fn with(self, other: Self) -> Self { Self(self.0 | other.0) }

            /// What is here but not there.
            pub fn without(self, other: Self) -> Self { Self(self.0 & !other.0) }

            /// What is in both.
            pub fn common(self, other: Self) -> Self { Self(self.0 & other.0) }

            /// Whether nothing is in.
            pub fn is_empty(self) -> bool { self.0 == 0 }

            /// Those that are in, in the order of `ALL`.
            pub fn iter(self) -> impl Iterator<Item = $item> { $item::ALL.iter().copied().filter(move |item| self.contains(*item)) }
        }

        impl FromIterator<$item> for $set {
            fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                let mut set = Self::default();
                items.into_iter().for_each(|item| set.insert(item));
                set
            }
        }

        impl fmt::Debug for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.iter().map($item::as_str)).finish()
            }
        }

        impl<'de> Deserialize<'de> for $set {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Vec::<$item>::deserialize(deserializer).map(|items| items.into_iter().collect())
            }
        }

        impl Serialize for $set {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter().map($item::as_str))
            }
        }
    };
}

set! {
    /// A request parameter that some endpoints know and some do not.
    Parameter
    /// A set of request parameters.
    Parameters {
        Audio "audio",
        FrequencyPenalty "frequency_penalty",
        LogitBias "logit_bias",
        Logprobs "logprobs",
        MaxTokens "max_tokens",
        MinP "min_p",
        N "n",
        ParallelToolCalls "parallel_tool_calls",
        Prediction "prediction",
        PresencePenalty "presence_penalty",
        Reasoning "reasoning",
        RepetitionPenalty "repetition_penalty",
        ResponseFormat "response_format",
        Seed "seed",
        ServiceTier "service_tier",
        Stop "stop",
        StructuredOutputs "structured_outputs",
        Temperature "temperature",
        ToolChoice "tool_choice",
        Tools "tools",
        TopA "top_a",
        TopK "top_k",
        TopLogprobs "top_logprobs",
        TopP "top_p",
        Verbosity "verbosity",
        WebSearchOptions "web_search_options",
    }
}

set! {
    /// A kind of content.
    Modality
    /// A set of kinds of content.
    Modalities {
        Text "text",
        Image "image",
        File "file",
        Audio "audio",
        Video "video",
        Embeddings "embeddings",
    }
}

set! {
    /// The precision of an endpoint's weights.
    Quantization
    /// A set of precisions.
    Quantizations {
        Int4 "int4",
        Int8 "int8",
        Fp4 "fp4",
        Mxfp4 "mxfp4",
        Nvfp4 "nvfp4",
        Fp6 "fp6",
        Fp8 "fp8",
        Mxfp8 "mxfp8",
        Fp16 "fp16",
        Bf16 "bf16",
        Fp32 "fp32",
        Unknown "unknown",
    }
}

impl Quantizations {
    /// Whether an endpoint of this precision is meant; `fp4` means its kinds too, and a precision that nobody published is
    /// `unknown`.
    pub fn admits(self, quantization: Option<Quantization>) -> bool {
        use Quantization::{Fp4, Fp8, Mxfp4, Mxfp8, Nvfp4, Unknown};
        let quantization = quantization.unwrap_or(Unknown);
        self.contains(quantization)
            || matches!(quantization, Mxfp4 | Nvfp4) && self.contains(Fp4)
            || quantization == Mxfp8 && self.contains(Fp8)
    }
}

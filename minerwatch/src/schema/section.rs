//! The macro that declares a section, and the parsers of keys and values.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, Visitor},
};

use super::accepts::Accepts;

/// Declares a section: a `struct` whose fields are the keys.
///
/// Each key has a doc comment, a type, a default and the values that it accepts. The doc comment is also the text of
/// the reference. Required keys are in a block `required` at the start and have no default.
///
/// ```text
/// section! {
///     /// Keys of `[hash]`.
///     pub struct Hash {
///         /// Larger executables are not hashed.
///         pub max_size_mib: u64 = 128, between(1, 4_096);
///     }
/// }
/// ```
///
/// A section without required keys implements `Default`. A section with required keys has a function `new` that takes
/// their values.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $Section:ident {
            required {
                $($(#[doc = $needed_doc:literal])+ pub $needed:ident: $Needed:ty, $needs:expr;)+
            }
            $($(#[doc = $doc:literal])+ pub $key:ident: $Type:ty = $default:expr, $accepts:expr;)*
        }
    ) => {
        $crate::schema::section! { @common
            [$($about),+] $Section
            [$([$($needed_doc),+] $needed: $Needed, $needs;)+]
            [$([$($doc),+] $key: $Type = $default, $accepts;)*]
        }

        impl $Section {
            /// Creates a section with these keys. All other keys have their defaults.
            pub fn new($($needed: $Needed),+) -> Self {
                Self { $($needed,)+ $($key: $default,)* }
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        pub struct $Section:ident {
            $($(#[doc = $doc:literal])+ pub $key:ident: $Type:ty = $default:expr, $accepts:expr;)+
        }
    ) => {
        $crate::schema::section! { @common
            [$($about),+] $Section
            []
            [$([$($doc),+] $key: $Type = $default, $accepts;)+]
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }
    };
    (@common
        [$($about:literal),+] $Section:ident
        [$([$($needed_doc:literal),+] $needed:ident: $Needed:ty, $needs:expr;)*]
        [$([$($doc:literal),+] $key:ident: $Type:ty = $default:expr, $accepts:expr;)*]
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        pub struct $Section {
            $($(#[doc = $needed_doc])+ pub $needed: $Needed,)*
            $($(#[doc = $doc])+ pub $key: $Type,)*
        }

        impl $crate::schema::Section for $Section {
            fn text() -> $crate::schema::SectionText {
                use $crate::schema::{Accepts, KeyText};
                let keys = vec![
                    $(KeyText::new(
                        stringify!($needed),
                        &[$($needed_doc),+],
                        Accepts::<$Needed>::shape(&$needs, None),
                    ),)*
                    $(KeyText::new(
                        stringify!($key),
                        &[$($doc),+],
                        Accepts::<$Type>::shape(&$accepts, Some(&$default)),
                    ),)*
                ];
                $crate::schema::SectionText { keys }
            }
        }

        impl<'de> serde::Deserialize<'de> for $Section {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Keys;

                impl<'de> serde::de::Visitor<'de> for Keys {
                    type Value = $Section;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str("a section of keys")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$Section, A::Error> {
                        const NAMES: &[&str] = &[$(stringify!($needed),)* $(stringify!($key),)*];
                        $(let mut $needed: Option<$Needed> = None;)*
                        $(let mut $key: Option<$Type> = None;)*
                        while let Some(name) = map.next_key_seed($crate::schema::Name(NAMES))? {
                            $(if name == stringify!($needed) {
                                $needed = Some(map.next_value_seed($crate::schema::Value::new(&$needs))?);
                            })*
                            $(if name == stringify!($key) {
                                $key = Some(map.next_value_seed($crate::schema::Value::new(&$accepts))?);
                            })*
                        }
                        Ok($Section {
                            $($needed: match $needed {
                                Some(value) => value,
                                None => {
                                    return Err(serde::de::Error::missing_field(stringify!($needed)));
                                }
                            },)*
                            $($key: $key.unwrap_or_else(|| $default),)*
                        })
                    }
                }

                deserializer.deserialize_map(Keys)
            }
        }
    };
}
pub(crate) use section;

/// Parses the name of a key, which must be one of these names. An unknown name is rejected here, so that the error
/// points at the name.
#[derive(Clone, Copy, Debug)]
pub struct Name(pub &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = &'static str;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        let known = self.0.iter().copied().find(|known| *known == name);
        known.ok_or_else(|| E::unknown_field(name, self.0))
    }
}

/// Parses the value of a key.
#[derive(Debug)]
pub struct Value<'a, T, A> {
    accepts: &'a A,
    read: PhantomData<T>,
}

impl<'a, T, A: Accepts<T>> Value<'a, T, A> {
    /// Creates a parser for the values that `accepts` describes.
    pub fn new(accepts: &'a A) -> Self {
        Self { accepts, read: PhantomData }
    }
}

impl<'de, T, A: Accepts<T>> DeserializeSeed<'de> for Value<'_, T, A> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        self.accepts.read(deserializer)
    }
}

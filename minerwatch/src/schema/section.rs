//! The macro that declares a section, and the parsers of keys and values.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};

use super::{accepts::Accepts, text::Section};

/// Declares a section: a `struct` whose fields are the keys.
///
/// Each key has a doc comment, a type, a default and the values that it accepts. The doc comment is also the text of
/// the reference. Required keys are in a block `required` and have no default. A block `include` at the start adds the
/// keys of other sections to this one, for keys that several sections share.
///
/// ```text
/// section! {
///     /// Keys of `[hash]`.
///     pub struct Hash {
///         include { pub limits: Limits; }
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
            $(include { $(pub $part:ident: $Part:ty;)+ })?
            required {
                $($(#[doc = $needed_doc:literal])+ pub $needed:ident: $Needed:ty, $needs:expr;)+
            }
            $($(#[doc = $doc:literal])+ pub $key:ident: $Type:ty = $default:expr, $accepts:expr;)*
        }
    ) => {
        $crate::schema::section! { @common
            [$($about),+] $Section
            [$($($part: $Part;)+)?]
            [$([$($needed_doc),+] $needed: $Needed, $needs;)+]
            [$([$($doc),+] $key: $Type = $default, $accepts;)*]
        }

        impl $Section {
            /// Creates a section with these keys. All other keys have their defaults.
            pub fn new($($needed: $Needed),+) -> Self {
                Self { $($($part: Default::default(),)+)? $($needed,)+ $($key: $default,)* }
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        pub struct $Section:ident {
            $(include { $(pub $part:ident: $Part:ty;)+ })?
            $($(#[doc = $doc:literal])+ pub $key:ident: $Type:ty = $default:expr, $accepts:expr;)*
        }
    ) => {
        $crate::schema::section! { @common
            [$($about),+] $Section
            [$($($part: $Part;)+)?]
            []
            [$([$($doc),+] $key: $Type = $default, $accepts;)*]
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($($part: Default::default(),)+)? $($key: $default,)* }
            }
        }
    };
    (@common
        [$($about:literal),+] $Section:ident
        [$($part:ident: $Part:ty;)*]
        [$([$($needed_doc:literal),+] $needed:ident: $Needed:ty, $needs:expr;)*]
        [$([$($doc:literal),+] $key:ident: $Type:ty = $default:expr, $accepts:expr;)*]
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        pub struct $Section {
            $(#[doc = "The included keys."] #[serde(flatten)] pub $part: $Part,)*
            $($(#[doc = $needed_doc])+ pub $needed: $Needed,)*
            $($(#[doc = $doc])+ pub $key: $Type,)*
        }

        const _: () = {
            /// The keys that were read so far.
            #[derive(Default)]
            pub struct Partial {
                $($part: <$Part as $crate::schema::Section>::Partial,)*
                $($needed: Option<$Needed>,)*
                $($key: Option<$Type>,)*
            }

            impl $crate::schema::Section for $Section {
                type Partial = Partial;

                fn text() -> $crate::schema::SectionText {
                    let keys: Vec<$crate::schema::KeyText> = vec![
                        $($crate::schema::KeyText::new(
                            stringify!($needed),
                            &[$($needed_doc),+],
                            $crate::schema::Accepts::<$Needed>::shape(&$needs, None),
                        ),)*
                        $($crate::schema::KeyText::new(
                            stringify!($key),
                            &[$($doc),+],
                            $crate::schema::Accepts::<$Type>::shape(&$accepts, Some(&$default)),
                        ),)*
                    ];
                    let included: &[fn() -> $crate::schema::SectionText] =
                        &[$(<$Part as $crate::schema::Section>::text),*];
                    let included = included.iter().flat_map(|text| text().keys);
                    $crate::schema::SectionText { keys: keys.into_iter().chain(included).collect() }
                }

                fn read<'de, A: serde::de::MapAccess<'de>>(
                    partial: &mut Partial,
                    name: &str,
                    map: &mut A,
                ) -> Result<bool, A::Error> {
                    $(if <$Part as $crate::schema::Section>::read(&mut partial.$part, name, map)? {
                        return Ok(true);
                    })*
                    $(if name == stringify!($needed) {
                        partial.$needed = Some(map.next_value_seed($crate::schema::Value::new(&$needs))?);
                        return Ok(true);
                    })*
                    $(if name == stringify!($key) {
                        partial.$key = Some(map.next_value_seed($crate::schema::Value::new(&$accepts))?);
                        return Ok(true);
                    })*
                    Ok(false)
                }

                fn complete<E: serde::de::Error>(partial: Partial) -> Result<Self, E> {
                    Ok(Self {
                        $($part: <$Part as $crate::schema::Section>::complete(partial.$part)?,)*
                        $($needed: match partial.$needed {
                            Some(value) => value,
                            None => return Err(E::missing_field(stringify!($needed))),
                        },)*
                        $($key: partial.$key.unwrap_or_else(|| $default),)*
                    })
                }
            }
        };

        impl<'de> serde::Deserialize<'de> for $Section {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::schema::read_section(deserializer)
            }
        }
    };
}
pub(crate) use section;

/// Parses a section from a table of keys.
pub fn read_section<'de, S: Section, D: Deserializer<'de>>(deserializer: D) -> Result<S, D::Error> {
    struct Keys<S>(PhantomData<S>);

    impl<'de, S: Section> Visitor<'de> for Keys<S> {
        type Value = S;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a section of keys")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S, A::Error> {
            let names = S::text().names();
            let mut partial = S::Partial::default();
            while let Some(name) = map.next_key_seed(Name(&names))? {
                S::read(&mut partial, name, &mut map)?;
            }
            S::complete(partial)
        }
    }

    deserializer.deserialize_map(Keys(PhantomData))
}

/// Parses the name of a key, which must be one of these names. An unknown name is rejected here, so that the error
/// points at the name.
#[derive(Clone, Copy, Debug)]
struct Name<'a>(&'a [&'static str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = &'static str;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        let known = self.0.iter().copied().find(|known| *known == name);
        known.ok_or_else(|| {
            let known: Vec<String> = self.0.iter().map(|known| format!("`{known}`")).collect();
            E::custom(format!("unknown field `{name}`, expected one of {}", known.join(", ")))
        })
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

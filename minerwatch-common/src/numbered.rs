//! Enums that records store as plain numbers.

/// Declares an enum that records store as a number, with `from_number` to turn the number back into a variant.
macro_rules! numbered {
    (
        $(#[$outer:meta])*
        pub enum $name:ident: $number:ident { $($(#[$inner:meta])* $variant:ident = $value:literal,)+ }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr($number)]
        pub enum $name { $($(#[$inner])* $variant = $value,)+ }

        impl $name {
            /// Returns the variant with this number, or `None` for a number that this build does not know.
            pub fn from_number(number: $number) -> Option<Self> {
                match number {
                    $($value => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use numbered;

//! Enums that stand in a record as a plain number.

/// Declares such an enum together with `from_number`, which turns the number of a record back into a variant.
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
            /// The variant with this number, or `None` for a number that this build does not know.
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

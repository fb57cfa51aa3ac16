//! A worked example of a declaration and its results. `CONTRIBUTING.md` shows how to add a key in the same way.

use super::{KeyText, Section as _, Shape, between, checked, optional, section, tables};

section! {
    /// The example `[bakery]`.
    pub struct Bakery {
        include {
            pub hours: Hours;
        }
        /// Loaves that are baked at once.
        /// More do not fit into the oven.
        pub loaves: u64 = 12, between(1, 40);
        /// The name of the shop.
        pub name: Option<String> = None, optional(checked("a name", starts_large));
        /// The shop's customers.
        pub customer: Vec<Customer> = Vec::new(), tables();
    }
}

section! {
    /// Keys that the bakery shares with other shops.
    pub struct Hours {
        /// The hour at which the shop opens.
        pub opens: u64 = 6, between(0, 23);
    }
}

section! {
    /// The example `[[bakery.customer]]`.
    pub struct Customer {
        required {
            /// The customer's name.
            pub name: String, checked("a name", starts_large);
        }
        /// Loaves per day.
        pub loaves: u64 = 1, between(1, 40);
    }
}

fn starts_large(name: &str) -> Result<(), String> {
    if name.starts_with(char::is_uppercase) {
        Ok(())
    } else {
        Err(format!("`{name}` does not begin with a capital letter"))
    }
}

fn read(text: &str) -> Result<Bakery, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
}

#[test]
fn a_key_has_its_type_and_its_default() {
    assert_eq!(
        read(""),
        Ok(Bakery { hours: Hours { opens: 6 }, loaves: 12, name: None, customer: Vec::new() })
    );
    let full = read(
        "opens = 7\nloaves = 3\nname = 'Crust'\n[[customer]]\nname = 'Ada'\n[[customer]]\nname = 'Ben'\nloaves = 2",
    );
    let customers =
        vec![Customer::new("Ada".to_owned()), Customer { loaves: 2, ..Customer::new("Ben".to_owned()) }];
    let hours = Hours { opens: 7 };
    assert_eq!(full, Ok(Bakery { hours, loaves: 3, name: Some("Crust".to_owned()), customer: customers }));
}

#[test]
fn a_key_has_its_check() {
    for (text, message) in [
        ("loaves = 41", "41 is not between 1 and 40"),
        ("loaves = 'all'", "invalid type: string \"all\", expected i64"),
        ("name = 'crust'", "`crust` does not begin with a capital letter"),
        ("loafs = 1", "unknown field `loafs`, expected one of `loaves`, `name`, `customer`, `opens`"),
        ("[[customer]]\nloaves = 2", "missing field `name`"),
    ] {
        assert_eq!(read(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn a_key_has_its_line_in_the_reference() {
    let text = Bakery::text();
    assert_eq!(text.names(), ["loaves", "name", "customer", "opens"]);
    let shape =
        Shape::Value { required: false, values: "1 to 40".to_owned(), default: Some("12".to_owned()) };
    let meaning = "Loaves that are baked at once. More do not fit into the oven.".to_owned();
    assert_eq!(text.keys.first(), Some(&KeyText { name: "loaves", meaning, shape }));
    let customer = text.at("customer").expect("a section");
    let shape = Shape::Value { required: true, values: "a name".to_owned(), default: None };
    assert_eq!(customer.keys.first().map(|key| &key.shape), Some(&shape));
    assert_eq!(text.at("loaves"), None);
}

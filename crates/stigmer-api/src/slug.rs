//! Slugs: the names by which people refer to resources.

/// The longest slug, in characters: what fits a DNS label.
pub const MAX_LEN: usize = 63;

/// The slug of a name: lower case, spaces become dashes, everything else that is not
/// `a-z 0-9 -` is dropped, runs of dashes collapse, dashes at the ends go. May be empty.
pub fn from_name(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            ' ' | '-' if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// What is wrong with `slug` as a slug, as a phrase that follows the field's name.
///
/// # Errors
/// When it is empty, too long, or not of lower-case letters, digits and inner dashes.
pub fn check(slug: &str) -> Result<(), String> {
    if slug.is_empty() {
        return Err("must have at least one letter a-z or digit".to_owned());
    }
    if slug.chars().count() > MAX_LEN {
        return Err(format!(
            "must have at most {MAX_LEN} characters, this has {}",
            slug.chars().count()
        ));
    }
    if from_name(slug) != slug {
        return Err(format!(
            "must be of lower-case letters, digits and inner dashes, like `{}`",
            match from_name(slug) {
                fixed if fixed.is_empty() => "my-agent".to_owned(),
                fixed => fixed,
            }
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_slugs_as_the_contract_says() {
        for (name, slug) in [
            ("Code Reviewer", "code-reviewer"),
            ("a_b", "ab"),
            ("  two   spaces ", "two-spaces"),
            ("-edge--dashes-", "edge-dashes"),
            ("Überprüfer 2", "berprfer-2"),
            ("日本", ""),
            ("", ""),
        ] {
            assert_eq!(from_name(name), slug, "{name:?}");
        }
    }

    #[test]
    fn bad_slugs_are_explained() {
        assert!(check("code-reviewer-2").is_ok());
        assert!(check("").is_err());
        assert!(check(&"a".repeat(63)).is_ok());
        assert!(check(&"a".repeat(64)).is_err_and(|why| why.contains("64")));
        assert!(check("Bad Slug").is_err_and(|why| why.contains("`bad-slug`")));
        assert!(check("a--b").is_err());
    }

    proptest! {
        #[test]
        fn a_slug_of_a_slug_is_itself(name in ".{0,80}") {
            let slug = from_name(&name);
            prop_assert_eq!(from_name(&slug), slug.clone());
            prop_assert!(slug.is_empty() || slug.len() > MAX_LEN || check(&slug).is_ok());
        }
    }
}

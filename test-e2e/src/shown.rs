//! For `ensure!`: the text of a value that has one.

use std::fmt;

/// For `ensure!`: a value that is shown where it is `Debug`. Method resolution takes the first that fits.
#[doc(hidden)]
#[derive(Debug)]
pub struct Value<'a, T: ?Sized>(pub &'a T);

#[doc(hidden)]
pub trait ViaDebug {
    fn shown(&self) -> Option<String>;
}

impl<T: fmt::Debug + ?Sized> ViaDebug for Value<'_, T> {
    fn shown(&self) -> Option<String> {
        Some(format!("{:?}", self.0))
    }
}

#[doc(hidden)]
pub trait ViaNothing {
    fn shown(&self) -> Option<String>;
}

impl<T: ?Sized> ViaNothing for &Value<'_, T> {
    fn shown(&self) -> Option<String> {
        None
    }
}

/// A value's text where it has one.
#[doc(hidden)]
#[macro_export]
macro_rules! shown {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use $crate::{ViaDebug, ViaNothing};
        (&$crate::Value($value)).shown()
    }};
}

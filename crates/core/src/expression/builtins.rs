//! The functions, methods and constants that an expression may use: everything here is pure and gives the same value in every home.

use serde::{Deserialize, Serialize};

use super::value::Value;

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub(super) enum $type {
            $(#[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// As it is written in an expression.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            pub fn named(name: &str) -> Option<$type> {
                match name { $($name => Some($type::$variant),)* _ => None }
            }

            pub const NAMES: &'static [&'static str] = &[$($name,)*];
        }
    };
}

named!(
    /// A function that is called by its own name.
    Function {
        Boolean = "Boolean",
        Number = "Number",
        String = "String",
        ParseInt = "parseInt",
        ParseFloat = "parseFloat",
        IsNaN = "isNaN",
        IsFinite = "isFinite",
        EncodeUriComponent = "encodeURIComponent",
        NumberIsInteger = "Number.isInteger",
        NumberIsSafeInteger = "Number.isSafeInteger",
        NumberIsFinite = "Number.isFinite",
        NumberIsNaN = "Number.isNaN",
        NumberParseInt = "Number.parseInt",
        NumberParseFloat = "Number.parseFloat",
        ArrayIsArray = "Array.isArray",
        ArrayOf = "Array.of",
        ObjectKeys = "Object.keys",
        ObjectValues = "Object.values",
        ObjectEntries = "Object.entries",
        ObjectFromEntries = "Object.fromEntries",
        ObjectHasOwn = "Object.hasOwn",
        ObjectIs = "Object.is",
        JsonStringify = "JSON.stringify",
        JsonParse = "JSON.parse",
        MathAbs = "Math.abs",
        MathAcos = "Math.acos",
        MathAcosh = "Math.acosh",
        MathAsin = "Math.asin",
        MathAsinh = "Math.asinh",
        MathAtan = "Math.atan",
        MathAtan2 = "Math.atan2",
        MathAtanh = "Math.atanh",
        MathCbrt = "Math.cbrt",
        MathCeil = "Math.ceil",
        MathClz32 = "Math.clz32",
        MathCos = "Math.cos",
        MathCosh = "Math.cosh",
        MathExp = "Math.exp",
        MathExpm1 = "Math.expm1",
        MathFloor = "Math.floor",
        MathFround = "Math.fround",
        MathHypot = "Math.hypot",
        MathImul = "Math.imul",
        MathLog = "Math.log",
        MathLog10 = "Math.log10",
        MathLog1p = "Math.log1p",
        MathLog2 = "Math.log2",
        MathMax = "Math.max",
        MathMin = "Math.min",
        MathPow = "Math.pow",
        MathRound = "Math.round",
        MathSign = "Math.sign",
        MathSin = "Math.sin",
        MathSinh = "Math.sinh",
        MathSqrt = "Math.sqrt",
        MathTan = "Math.tan",
        MathTanh = "Math.tanh",
        MathTrunc = "Math.trunc",
    }
);

named!(
    /// A function that is called on a value. What it does depends on the value: `includes` of a string or of an array.
    Method {
        At = "at",
        CharAt = "charAt",
        CharCodeAt = "charCodeAt",
        CodePointAt = "codePointAt",
        Concat = "concat",
        EndsWith = "endsWith",
        Every = "every",
        Filter = "filter",
        Find = "find",
        FindIndex = "findIndex",
        FindLast = "findLast",
        FindLastIndex = "findLastIndex",
        Flat = "flat",
        FlatMap = "flatMap",
        HasOwnProperty = "hasOwnProperty",
        Includes = "includes",
        IndexOf = "indexOf",
        Join = "join",
        LastIndexOf = "lastIndexOf",
        Map = "map",
        PadEnd = "padEnd",
        PadStart = "padStart",
        Reduce = "reduce",
        ReduceRight = "reduceRight",
        Repeat = "repeat",
        Replace = "replace",
        ReplaceAll = "replaceAll",
        Slice = "slice",
        Some = "some",
        Split = "split",
        StartsWith = "startsWith",
        Substring = "substring",
        ToFixed = "toFixed",
        ToLowerCase = "toLowerCase",
        ToReversed = "toReversed",
        ToString = "toString",
        ToUpperCase = "toUpperCase",
        Trim = "trim",
        TrimEnd = "trimEnd",
        TrimStart = "trimStart",
    }
);

impl Method {
    /// Whether a value of this kind has the method.
    pub fn is_of(self, value: &Value) -> bool {
        match self {
            Method::HasOwnProperty | Method::ToString => true,
            Method::ToFixed => matches!(value, Value::Number(_)),
            Method::At | Method::Concat | Method::Includes | Method::IndexOf | Method::LastIndexOf | Method::Slice => {
                matches!(value, Value::String(_) | Value::Array(_))
            }
            Method::CharAt
            | Method::CharCodeAt
            | Method::CodePointAt
            | Method::EndsWith
            | Method::PadEnd
            | Method::PadStart
            | Method::Repeat
            | Method::Replace
            | Method::ReplaceAll
            | Method::Split
            | Method::StartsWith
            | Method::Substring
            | Method::ToLowerCase
            | Method::ToUpperCase
            | Method::Trim
            | Method::TrimEnd
            | Method::TrimStart => matches!(value, Value::String(_)),
            Method::Every
            | Method::Filter
            | Method::Find
            | Method::FindIndex
            | Method::FindLast
            | Method::FindLastIndex
            | Method::Flat
            | Method::FlatMap
            | Method::Join
            | Method::Map
            | Method::Reduce
            | Method::ReduceRight
            | Method::Some
            | Method::ToReversed => matches!(value, Value::Array(_)),
        }
    }

    /// Whether its first argument is a function.
    pub fn takes_function(self) -> bool {
        use Method::{
            Every, Filter, Find, FindIndex, FindLast, FindLastIndex, FlatMap, Map, Reduce, ReduceRight, Some as SomeOf,
        };
        matches!(
            self,
            SomeOf | Every | Filter | Map | Find | FindIndex | FindLast | FindLastIndex | FlatMap | Reduce | ReduceRight
        )
    }
}

/// Objects that exist only to hold functions and constants.
pub(super) const NAMESPACES: &[&str] = &["Math", "Object", "Array", "Number", "String", "Boolean", "JSON"];

/// Names of JavaScript that mean nothing here, so that nobody reads `undefined` where he expects a clock.
pub(super) const ABSENT: &[&str] = &[
    "Date",
    "Function",
    "Intl",
    "Map",
    "Promise",
    "Proxy",
    "Reflect",
    "RegExp",
    "Set",
    "Symbol",
    "BigInt",
    "eval",
    "globalThis",
    "arguments",
];

/// Of `Math.PI`.
pub(super) fn constant(namespace: &str, name: &str) -> Option<f64> {
    use std::f64::consts;
    match (namespace, name) {
        ("Math", "E") => Some(consts::E),
        ("Math", "LN10") => Some(consts::LN_10),
        ("Math", "LN2") => Some(consts::LN_2),
        ("Math", "LOG10E") => Some(consts::LOG10_E),
        ("Math", "LOG2E") => Some(consts::LOG2_E),
        ("Math", "PI") => Some(consts::PI),
        ("Math", "SQRT1_2") => Some(consts::FRAC_1_SQRT_2),
        ("Math", "SQRT2") => Some(consts::SQRT_2),
        ("Number", "EPSILON") => Some(f64::EPSILON),
        ("Number", "MAX_SAFE_INTEGER") => Some(9_007_199_254_740_991.0),
        ("Number", "MIN_SAFE_INTEGER") => Some(-9_007_199_254_740_991.0),
        ("Number", "MAX_VALUE") => Some(f64::MAX),
        ("Number", "MIN_VALUE") => Some(f64::from_bits(1)),
        ("Number", "POSITIVE_INFINITY") => Some(f64::INFINITY),
        ("Number", "NEGATIVE_INFINITY") => Some(f64::NEG_INFINITY),
        ("Number", "NaN") => Some(f64::NAN),
        _ => None,
    }
}

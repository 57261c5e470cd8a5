//! Expressions by chance: everything that section 7 of the semantics allows, in any combination that fits into an expression.
//!
//! Each kind of value has ways to make it, so that most of what comes out gives a value; now and then one of another kind stands
//! in its place, for the coercions and the errors. What JavaScript leaves to whoever computes it (the last digit of a sine) is not
//! made, nor halves of characters, which become U+FFFD here (`docs/decisions/0005-where-the-semantics-are-silent.md`).

use super::choices::Choices;

/// Nodes of one expression, about.
const SIZE_MAX: usize = 24;
const DEPTH_MAX: usize = 7;

/// An expression over the names of `testdata/expressions/scope.json`.
pub fn expression(choices: &mut dyn Choices) -> String {
    let whole = choices.one_in(6);
    let mut grammar = Grammar { choices, names: Vec::new(), left: SIZE_MAX, depth: 0, whole };
    grammar.any()
}

/// What a person's typing mistake makes of an expression: it may still be one.
pub fn mistyped(choices: &mut dyn Choices, expression: &str) -> String {
    let mut letters: Vec<char> = expression.chars().collect();
    for _ in 0..=choices.below(3) {
        let at = choices.below(letters.len().max(1)).min(letters.len().saturating_sub(1));
        match choices.below(5) {
            0 if letters.len() > 1 => drop(letters.remove(at)),
            1 if letters.len() > 1 => letters.truncate(at.max(1)),
            2 => letters.insert(at, letters[at]),
            3 if at > 0 => letters.swap(at, at - 1),
            _ => {
                let typed = choices.pick(MISTYPED);
                letters.splice(at..at, typed.chars());
            }
        }
    }
    letters.into_iter().collect()
}

const MISTYPED: &[&str] = &[
    "(", ")", "[", "]", "{", "}", ".", "?.", "?", ":", ",", "=", "=>", "!", "+", "-", "/", "//", "/*", "*/", "<!--", "-->", "`",
    "${", "'", "\"", "\\", "\\u", "#", "@", ";", "\n", "\u{2028}", "\u{feff}", "0", "1", "e", "n", "x", "_", "in ", "of ",
    "new ", "async ", "await ", "yield ", "let ", "...", "**", "??", "||", "&&", "++", "$", "é", "a", "0x", "delete ", "typeof ",
    "void ",
];

struct Grammar<'a> {
    choices: &'a mut dyn Choices,
    /// Parameters of the arrow functions around.
    names: Vec<String>,
    /// Nodes that may still be made, and how deep this one is.
    left: usize,
    depth: usize,
    /// Texts have characters of two units, and nothing cuts them.
    whole: bool,
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "5",
    "10",
    "-1",
    "-0",
    "0.5",
    "1.5",
    "2.5",
    "0.1",
    "-2.75",
    "100",
    "1e3",
    "1e21",
    "1e-7",
    "123456789.125",
    "0x1F",
    "0b101",
    "0o17",
    "1_000",
    "4294967296",
    "2147483648",
    "-2147483649",
    "9007199254740993",
    "1e400",
    "5e-324",
    ".5",
    "5.",
    "NaN",
    "Infinity",
    "(-Infinity)",
];
const NUMBER_NAMES: &[&str] = &[
    "zero",
    "one",
    "half",
    "minus",
    "big",
    "huge",
    "tiny",
    "precise",
    "score.risk",
    "items.length",
    "numbers[2]",
    "items[0].price",
    "items[1].count",
    "odd.a",
    "input.total",
    "numbers.length",
    "text.length",
    "execution.startedAt",
    "Math.PI",
    "Number.MAX_SAFE_INTEGER",
    "Number.EPSILON",
    "Math.SQRT2",
    "Number.MIN_VALUE",
];
const TEXTS: &[&str] = &[
    "''",
    "'a'",
    "'abc'",
    "\"enterprise\"",
    "'0'",
    "' 12 '",
    "'1e3'",
    "'0x1F'",
    "'-0'",
    "'12px'",
    "'Infinity'",
    "'a,b,,c'",
    "','",
    "' '",
    "'null'",
    "'\\n\\t'",
    "'\\x41\\u0042\\u{43}'",
    "'it\\'s'",
    "'length'",
    "'1'",
    "'ÄÖÜ ß'",
    "'ǆ'",
    "'[1,{\"a\":null}]'",
    "'\u{a0} x \u{feff}'",
    "'b'",
    "'B'",
    "'$&'",
];
const TEXT_NAMES: &[&str] = &[
    "plan",
    "empty",
    "digits",
    "padded",
    "csv",
    "input.orderId",
    "items[0].name",
    "score.detail.ip",
    "steps.charge.status",
    "odd['1']",
    "execution.id",
    "steps.charge.output.id",
    "items[1].tags[0]",
];
const WIDE_TEXTS: &[&str] = &["text", "emoji", "'😀'", "'a😀b'", "'\\u{1F600}!'", "'👨‍👩‍👧'"];
const LIST_NAMES: &[&str] =
    &["items", "numbers", "mixed", "nested", "none", "score.reasons", "items[1].tags", "items[0].tags", "nested[1]", "mixed[5]"];
const OBJECT_NAMES: &[&str] =
    &["score", "odd", "nobody", "shadow", "items[0]", "score.detail", "input", "input.customer", "state", "steps.charge"];
const OTHERS: &[&str] =
    &["null", "undefined", "nothing", "missing", "input.coupon", "score.missing", "items[9]", "input.customer.address"];
const FIELDS: &[&str] = &["a", "b", "name", "price", "risk", "length", "count", "tags", "missing", "detail", "x1", "$", "_"];

impl Grammar<'_> {
    fn deeper<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let made = make(self);
        self.depth -= 1;
        made
    }

    /// Whether this has to be something short.
    fn is_leaf(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0 || self.depth >= DEPTH_MAX || self.choices.one_in(4)
    }

    fn any(&mut self) -> String {
        self.deeper(|grammar| match grammar.choices.below(16) {
            0..=2 => grammar.number(),
            3..=5 => grammar.text(),
            6..=8 => grammar.bool(),
            9 | 10 => grammar.list(),
            11 => grammar.object(),
            12 => grammar.choices.pick(OTHERS).to_owned(),
            13 => grammar.member(),
            14 => grammar.choice(),
            _ => grammar.local(),
        })
    }

    /// `wanted`, or now and then anything.
    fn mostly(&mut self, wanted: fn(&mut Self) -> String) -> String {
        if self.choices.one_in(10) { self.any() } else { self.deeper(wanted) }
    }

    /// As an operand or in front of a dot, whatever it is.
    fn grouped(&mut self, wanted: fn(&mut Self) -> String) -> String {
        let made = self.mostly(wanted);
        let plain = made.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']'))
            && !made.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '[');
        let text = made.len() > 1 && made.starts_with('\'') && made.ends_with('\'') && !made[1..made.len() - 1].contains('\'');
        if (plain && !["NaN", "Infinity"].contains(&made.as_str())) || text { made } else { format!("({made})") }
    }

    fn local(&mut self) -> String {
        if self.names.is_empty() {
            return self.choices.pick(OTHERS).to_owned();
        }
        let at = self.choices.below(self.names.len());
        self.names[at].clone()
    }

    fn number(&mut self) -> String {
        if self.is_leaf() {
            return match self.choices.below(3) {
                0 => self.choices.pick(NUMBERS).to_owned(),
                1 => self.choices.pick(NUMBER_NAMES).to_owned(),
                _ => format!("{}", self.choices.below(200) as f64 / 8.0 - 5.0),
            };
        }
        match self.choices.below(14) {
            0..=3 => {
                let operator = self.choices.pick(&["+", "-", "*", "/", "%", "|", "&", "^", "<<", ">>", ">>>"]);
                let (a, b) = (self.grouped(Self::number), self.grouped(Self::number));
                format!("{a} {operator} {b}")
            }
            4 => {
                let operator = self.choices.pick(&["+", "-", "~", "- -", "+-", "-~"]);
                format!("{operator}{}", self.grouped(Self::any))
            }
            5 => {
                let function = self.choices.pick(&["abs", "ceil", "floor", "round", "sign", "trunc", "fround", "clz32", "sqrt"]);
                format!("Math.{function}({})", self.mostly(Self::number))
            }
            6 => {
                let function = self.choices.pick(&["max", "min", "imul"]);
                format!("Math.{function}({})", self.arguments(Self::number))
            }
            7 => {
                let function = self.choices.pick(&["Number", "parseInt", "parseFloat", "Number.parseFloat", "Number.parseInt"]);
                let radix = if function.ends_with("Int") && self.choices.one_in(3) {
                    self.choices.pick(&[", 2", ", 10", ", 16", ", 36", ", 0", ", 37"])
                } else {
                    ""
                };
                format!("{function}({}{radix})", self.any())
            }
            8 => {
                let wanted = if self.choices.one_in(2) { Self::text } else { Self::list };
                format!("{}.length", self.grouped(wanted))
            }
            9 => self.position(),
            10 => {
                let list = self.grouped(Self::list);
                let method = self.choices.pick(&["reduce", "reduceRight"]);
                let body = self.within(&["sum", "item", "at"], Self::number);
                let first = if self.choices.one_in(8) { String::new() } else { format!(", {}", self.any()) };
                format!("{list}.{method}({body}{first})")
            }
            11 => format!(
                "{} ** {}",
                self.choices.pick(&["2", "10", "half", "(-3)", "1.5", "numbers[0]"]),
                self.choices.pick(&["2", "3", "0", "-1", "10", "NaN"])
            ),
            12 => format!("{}[{}]", self.grouped(Self::list), self.number()),
            _ => self.choice(),
        }
    }

    fn position(&mut self) -> String {
        match self.choices.below(4) {
            0 => {
                let method = self.choices.pick(&["indexOf", "lastIndexOf"]);
                let from = if self.choices.one_in(2) { format!(", {}", self.mostly(Self::number)) } else { String::new() };
                let text = self.grouped(Self::text);
                // Where a character has two units, a position between them is one that exists.
                let from = if self.whole { String::new() } else { from };
                format!("{text}.{method}({}{from})", self.mostly(Self::text))
            }
            1 => format!(
                "{}.{}({})",
                self.grouped(Self::list),
                self.choices.pick(&["indexOf", "lastIndexOf"]),
                self.arguments(Self::any)
            ),
            2 if !self.whole => {
                format!("{}.{}({})", self.grouped(Self::text), self.choices.pick(&["charCodeAt", "codePointAt"]), self.number())
            }
            _ => {
                let method = self.choices.pick(&["findIndex", "findLastIndex"]);
                let list = self.grouped(Self::list);
                format!("{list}.{method}({})", self.test())
            }
        }
    }

    fn text(&mut self) -> String {
        if self.is_leaf() {
            return match self.choices.below(3) {
                _ if self.whole && self.choices.one_in(2) => self.choices.pick(WIDE_TEXTS).to_owned(),
                0 | 1 => self.choices.pick(TEXTS).to_owned(),
                _ => self.choices.pick(TEXT_NAMES).to_owned(),
            };
        }
        match self.choices.below(12) {
            0 | 1 => self.template(),
            2 => format!("{} + {}", self.grouped(Self::text), self.grouped(Self::any)),
            3 => format!("{} + {}", self.grouped(Self::any), self.grouped(Self::text)),
            4 => {
                let method = self.choices.pick(&["toLowerCase", "toUpperCase", "trim", "trimStart", "trimEnd", "toString"]);
                format!("{}.{method}()", self.grouped(Self::text))
            }
            5 => self.cut(),
            6 => {
                let method = self.choices.pick(&["replace", "replaceAll"]);
                let (text, from) = (self.grouped(Self::text), self.mostly(Self::text));
                let to = if self.choices.one_in(3) {
                    self.choices.pick(&["'$&$&'", "'$$'", "'$`'", "\"$'\"", "'$1'", "'$<a>'", "''"]).to_owned()
                } else {
                    self.mostly(Self::text)
                };
                // Between the halves of a character there is an empty text too.
                if self.whole { format!("{text}.concat({from}, {to})") } else { format!("{text}.{method}({from}, {to})") }
            }
            7 => format!("String({})", self.any()),
            8 => format!("typeof {}", self.grouped(Self::any)),
            9 => {
                let separator = if self.choices.one_in(2) { self.mostly(Self::text) } else { String::new() };
                format!("{}.join({separator})", self.grouped(Self::list))
            }
            10 => self.written(),
            _ => self.choice(),
        }
    }

    /// Parts of a text, and longer ones.
    fn cut(&mut self) -> String {
        let text = self.grouped(Self::text);
        if self.whole {
            return format!("{text}.repeat({})", self.choices.below(4));
        }
        match self.choices.below(8) {
            0 => format!("{text}.{}({})", self.choices.pick(&["slice", "substring"]), self.arguments(Self::number)),
            1 => format!("{text}.at({})", self.mostly(Self::number)),
            2 => format!("{text}.charAt({})", self.mostly(Self::number)),
            3 => format!("{text}[{}]", self.mostly(Self::number)),
            4 => format!("{text}?.[{}]", self.any()),
            5 => {
                format!("{text}.repeat({})", self.choices.pick(&["0", "1", "3", "2.9", "-1", "'2'", "null", "undefined", "NaN"]))
            }
            6 => format!("{text}.concat({})", self.arguments(Self::any)),
            _ => {
                let method = self.choices.pick(&["padStart", "padEnd"]);
                let width = self.choices.pick(&["0", "3", "12", "20.7", "'15'", "-4", "NaN", "null"]);
                let filled = if self.choices.one_in(2) { format!(", {}", self.mostly(Self::text)) } else { String::new() };
                format!("{text}.{method}({width}{filled})")
            }
        }
    }

    /// Values as text.
    fn written(&mut self) -> String {
        match self.choices.below(6) {
            0 => format!(
                "{}.toFixed({})",
                self.grouped(Self::number),
                self.choices.pick(&["", "0", "1", "2", "7", "20", "-1", "101", "'3'"])
            ),
            1 => format!("{}.toString()", self.grouped(Self::any)),
            2 => format!("encodeURIComponent({})", self.any()),
            3 => format!("{}.toString({})", self.grouped(Self::number), self.choices.pick(&["", "10", "undefined"])),
            _ => format!("JSON.stringify({})", self.any()),
        }
    }

    fn template(&mut self) -> String {
        let mut made = String::from("`");
        for _ in 0..=self.choices.below(3) {
            made.push_str(self.choices.pick(&["", "x", " is ", "\\n", "$", "{}", "\\`", "\n", "\\${"]));
            let value = self.any();
            made.push_str(&format!("${{{value}}}"));
        }
        made.push_str(self.choices.pick(&["", ".", "€"]));
        made.push('`');
        made
    }

    fn bool(&mut self) -> String {
        if self.is_leaf() {
            return self.choices.pick(&["true", "false", "yes", "no", "score.detail.proxy"]).to_owned();
        }
        match self.choices.below(12) {
            0..=2 => {
                let operator = self.choices.pick(&["==", "!=", "===", "!==", "<", "<=", ">", ">="]);
                format!("{} {operator} {}", self.grouped(Self::any), self.grouped(Self::any))
            }
            3 => format!("{}{}", self.choices.pick(&["!", "!!"]), self.grouped(Self::any)),
            4 => {
                let method = self.choices.pick(&["includes", "startsWith", "endsWith"]);
                let text = self.grouped(Self::text);
                format!("{text}.{method}({})", self.mostly(Self::text))
            }
            5 => format!("{}.includes({})", self.grouped(Self::list), self.arguments(Self::any)),
            6 | 7 => {
                let method = self.choices.pick(&["some", "every"]);
                let list = self.grouped(Self::list);
                format!("{list}.{method}({})", self.test())
            }
            8 => {
                let function = self.choices.pick(&[
                    "Array.isArray",
                    "Number.isInteger",
                    "Number.isSafeInteger",
                    "Number.isFinite",
                    "Number.isNaN",
                    "isNaN",
                    "isFinite",
                    "Boolean",
                ]);
                format!("{function}({})", self.any())
            }
            9 => {
                let key = if self.choices.one_in(3) { Self::number } else { Self::key };
                format!("{} in {}", self.grouped(key), self.grouped(Self::object))
            }
            10 => match self.choices.below(3) {
                0 => format!("Object.is({}, {})", self.any(), self.any()),
                1 => format!("Object.hasOwn({}, {})", self.mostly(Self::object), self.key()),
                _ => format!("{}.hasOwnProperty({})", self.grouped(Self::object), self.key()),
            },
            _ => self.choice(),
        }
    }

    fn key(&mut self) -> String {
        format!("'{}'", self.choices.pick(FIELDS))
    }

    fn list(&mut self) -> String {
        if self.is_leaf() {
            return self.choices.pick(LIST_NAMES).to_owned();
        }
        match self.choices.below(13) {
            0..=2 => {
                let items: Vec<String> = (0..self.choices.below(5)).map(|_| self.any()).collect();
                format!("[{}]", items.join(", "))
            }
            3 => {
                let spread = self.grouped(Self::list);
                format!("[{}, ...{spread}]", self.any())
            }
            4..=6 => {
                let method = self.choices.pick(&["map", "filter", "flatMap"]);
                let list = self.grouped(Self::list);
                let function = if self.choices.one_in(6) {
                    self.choices.pick(&["Number", "String", "Boolean", "Math.floor", "isNaN", "parseInt"]).to_owned()
                } else {
                    self.arrow(Self::any)
                };
                format!("{list}.{method}({function})")
            }
            7 => format!("{}.slice({})", self.grouped(Self::list), self.arguments(Self::number)),
            8 => format!("{}.concat({})", self.grouped(Self::list), self.arguments(Self::any)),
            9 => format!(
                "{}.flat({})",
                self.grouped(Self::list),
                self.choices.pick(&["", "0", "1", "2", "Infinity", "-1", "'2'", "NaN"])
            ),
            10 => format!("{}.toReversed()", self.grouped(Self::list)),
            11 => {
                let function = self.choices.pick(&["Object.keys", "Object.values", "Object.entries", "Array.of"]);
                // Of a text, these give halves of its characters.
                format!("{function}({})", if self.whole { self.deeper(Self::object) } else { self.mostly(Self::object) })
            }
            _ if self.whole => format!("[...{}]", self.grouped(Self::list)),
            _ => {
                let limit = self.choices.pick(&["", ", 2", ", 0", ", -1", ", 1.9"]);
                let text = self.grouped(Self::text);
                let separator = self.mostly(Self::text);
                format!("{text}.split({separator}{limit})")
            }
        }
    }

    fn object(&mut self) -> String {
        if self.is_leaf() {
            return self.choices.pick(OBJECT_NAMES).to_owned();
        }
        match self.choices.below(8) {
            0..=3 => {
                let fields: Vec<String> = (0..self.choices.below(4)).map(|_| self.field()).collect();
                format!("{{{}}}", fields.join(", "))
            }
            4 => {
                let list = self.grouped(Self::list);
                format!("{list}.{}({})", self.choices.pick(&["find", "findLast"]), self.test())
            }
            5 => format!("{}.at({})", self.grouped(Self::list), self.mostly(Self::number)),
            6 => {
                let list = self.grouped(Self::list);
                let pair = self.within(&["item", "at"], |grammar| format!("[{}, {}]", grammar.mostly(Self::text), grammar.any()));
                format!("Object.fromEntries({list}.map({pair}))")
            }
            _ => format!(
                "JSON.parse({})",
                self.choices.pick(&[
                    "'{\"a\":[1,2]}'",
                    "'[]'",
                    "'{\"b\":{\"c\":1e400}}'",
                    "'nul'",
                    "''",
                    "'1 2'",
                    "' null '",
                    "JSON.stringify(odd)"
                ])
            ),
        }
    }

    fn field(&mut self) -> String {
        match self.choices.below(6) {
            0 => self.choices.pick(&["plan", "one", "items", "missing"]).to_owned(),
            1 => format!("...{}", {
                let spread = if self.whole { Self::object } else { Self::any };
                self.grouped(spread)
            }),
            2 => format!("[{}]: {}", self.any(), self.any()),
            3 => format!("{}: {}", self.choices.pick(&["1", "0.5", "'with dash'", "'2'", "1e21", "0x10"]), self.any()),
            _ => format!("{}: {}", self.choices.pick(FIELDS), self.any()),
        }
    }

    /// `a.b?.[c]`.
    fn member(&mut self) -> String {
        let first = if self.choices.one_in(3) { Self::any } else { Self::object };
        let mut made = self.grouped(first);
        for _ in 0..=self.choices.below(3) {
            let field = self.choices.pick(FIELDS);
            // An index takes half of a character of a text.
            match self.choices.below(if self.whole { 3 } else { 5 }) {
                0 | 1 => made.push_str(&format!(".{field}")),
                2 => made.push_str(&format!("?.{field}")),
                3 => made.push_str(&format!("[{}]", self.any())),
                _ => made.push_str(&format!("?.[{}]", self.any())),
            }
        }
        made
    }

    /// Operators that give one of their operands.
    fn choice(&mut self) -> String {
        match self.choices.below(5) {
            0 => format!("{} ? {} : {}", self.grouped(Self::bool), self.any(), self.any()),
            1 => format!("{} && {}", self.grouped(Self::any), self.grouped(Self::any)),
            2 => format!("{} || {}", self.grouped(Self::any), self.grouped(Self::any)),
            3 => format!("{} ?? {}", self.grouped(Self::any), self.grouped(Self::any)),
            _ => format!("void {}", self.grouped(Self::any)),
        }
    }

    /// A function that says yes or no.
    fn test(&mut self) -> String {
        self.arrow(Self::bool)
    }

    fn arrow(&mut self, body: fn(&mut Self) -> String) -> String {
        match self.choices.below(6) {
            0 => self.within(&["item", "at"], body),
            1 => self.within(&["item", "at", "all"], body),
            2 => self.within(&["[first, second]"], body),
            3 => self.within(&["{name, price: cost}", "at"], body),
            _ => self.within(&["item"], body),
        }
    }

    /// A function with these parameters.
    fn within(&mut self, parameters: &[&str], body: impl FnOnce(&mut Self) -> String) -> String {
        let (outer, level) = (self.names.len(), self.depth);
        // Around it there may be one with the same names.
        let shadows = self.choices.one_in(4);
        let renamed = |name: &str| if shadows || outer == 0 { name.to_owned() } else { format!("{name}{level}") };
        let mut written = Vec::new();
        for parameter in parameters {
            match *parameter {
                "[first, second]" => {
                    let (first, second) = (renamed("first"), renamed("second"));
                    written.push(format!("[{first}, {second}]"));
                    self.names.extend([first, second]);
                }
                "{name, price: cost}" => {
                    let cost = renamed("cost");
                    written.push(format!("{{name, price: {cost}}}"));
                    self.names.extend(["name".to_owned(), cost]);
                }
                plain => {
                    written.push(renamed(plain));
                    self.names.push(renamed(plain));
                }
            }
        }
        let made = self.deeper(body);
        self.names.truncate(outer);
        let made = if made.starts_with('{') { format!("({made})") } else { made };
        format!("({}) => {made}", written.join(", "))
    }

    fn arguments(&mut self, wanted: fn(&mut Self) -> String) -> String {
        let mut made: Vec<String> = (0..self.choices.below(4)).map(|_| self.mostly(wanted)).collect();
        if self.choices.one_in(8) {
            made.push(format!("...{}", self.grouped(Self::list)));
        }
        made.join(", ")
    }
}

import { describe, expect, it } from "vitest";
import { ExactNumber, parse } from "../../../src/api/exact";
import { expression, hidesAnything, keyOf, leftOut, lines, preview } from "../../../src/json/lines";
import { mistake, mistakeSentence } from "../../../src/json/syntax";
import { random } from "../random";

const folding = (depth: number, turned: string[] = [], shown: [string, number][] = []) => ({ depth, turned: new Set(turned), shown: new Map(shown) });

describe("where JSON stops being JSON", () => {
  it.each([
    ['{\n  "a": 1,\n  "b": [1, 2\n}', "Line 4, column 1: expected a comma or ]."],
    ['{"a": 1,}', "Line 1, column 9: expected another name after the comma."],
    ["{a: 1}", "Line 1, column 2: expected a name in double quotes."],
    ["{'a': 1}", "Line 1, column 2: expected a name in double quotes."],
    ["['a']", "Line 1, column 2: expected double quotes instead of single ones."],
    ['{"a" 1}', "Line 1, column 6: expected a colon after the name."],
    ['"abc', 'Line 1, column 1: expected a closing " for the text that begins here.'],
    ["[01]", "Line 1, column 3: expected a number without leading zeros."],
    ["[1.]", "Line 1, column 3: expected a digit on both sides of the point."],
    ["{} {}", "Line 1, column 4: expected the end; there is more after the value."],
    ['"\\x"', 'Line 1, column 3: expected one of " \\ / b f n r t u after the backslash.'],
    ["", "Line 1, column 1: expected a value, and the text ends."],
  ])("%j", (text, sentence) => {
    const found = mistake(text);
    expect(found && mistakeSentence(found)).toBe(sentence);
  });

  it("agrees with JSON.parse on texts that were broken at random", () => {
    const next = random(20261123);
    const base = JSON.stringify({ a: [1, -2.5e3, true, null, "x\\u0041\n\"q\""], b: { c: {}, d: [] } }, null, 2);
    const letters = '{}[]",:\\0123eE.-+tfn \n';
    for (let at = 0; at < 20_000; at += 1) {
      const where = Math.floor(next() * base.length);
      const insert = letters[Math.floor(next() * letters.length)] ?? "";
      const text = next() < 0.5 ? base.slice(0, where) + base.slice(where + 1) : base.slice(0, where) + insert + base.slice(where);
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect(mistake(text) === null, text).toBe(valid);
    }
  });
});

describe("numbers that a double cannot hold", () => {
  // Needs the text of a number while it is read; a runtime without it shows the nearest double.
  const exact = (() => {
    let source: string | undefined;
    JSON.parse("1", ((_: string, value: unknown, context?: { source?: string }) => ((source = context?.source), value)) as never);
    return source !== undefined;
  })();

  it.runIf(exact)("are kept as they were written", () => {
    const read = parse('{"order": 12345678901234567890, "small": 42, "pi": 3.1415926535897932384626}') as Record<string, unknown>;
    expect(read["order"]).toBeInstanceOf(ExactNumber);
    expect(String(read["order"])).toBe("12345678901234567890");
    expect(read["small"]).toBe(42);
    expect(String(read["pi"])).toBe("3.1415926535897932384626");
  });

  it("leaves those alone that it can", () => {
    expect(parse('{"at": 1795434324290123, "half": 0.5}')).toEqual({ at: 1_795_434_324_290_123, half: 0.5 });
  });
});

describe("a value as lines", () => {
  const value = { id: "ord_1", items: [{ sku: 1 }, { sku: 2 }], empty: {} };

  it("is open as deep as asked, and turned where a person turned it", () => {
    const shown = (turned: string[]): string[] => lines(value, folding(1, turned)).map((line) => `${line.kind} ${line.path.join(".")}`);
    expect(shown([])).toEqual(["open ", "leaf id", "open items", "open empty", "close "]);
    expect(shown([keyOf(["items"])])).toContain("open items.0");
    expect(shown([keyOf([])])).toEqual(["open "]);
  });

  it("has a comma where JSON has one", () => {
    const commas = lines(value, folding(1)).flatMap((line) => (line.kind === "leaf" || line.kind === "open" ? [line.comma] : []));
    expect(commas).toEqual([false, true, true, false]);
  });

  it("shows a part of what is long, and says how much is hidden", () => {
    const long = Array.from({ length: 1000 }, (_, at) => at);
    const all = lines(long, folding(1));
    expect(all.filter((line) => line.kind === "leaf")).toHaveLength(200);
    expect(all.find((line) => line.kind === "more")).toMatchObject({ hidden: 800 });
    expect(lines(long, folding(1, [], [[keyOf([]), 1000]])).filter((line) => line.kind === "leaf")).toHaveLength(1000);
  });

  it("does not open what was left out by the server", () => {
    expect(lines({ big: { $truncated: 70_000, href: "/api/v1/x" } }, folding(3)).map((line) => line.kind)).toEqual(["open", "leaf", "close"]);
  });

  it("names a path as an expression would", () => {
    expect(expression(["charge", "items", 0, "odd name", "ok"])).toBe('charge.items[0]["odd name"].ok');
  });

  it("is summed up in a few words", () => {
    expect(preview(value)).toBe('{id: "ord_1", items: [{sku: 1}, {sku: 2}], empty: {}}');
    expect(preview({ text: "x".repeat(500) }, 30).length).toBeLessThanOrEqual(30);
  });
});

describe("a value that was left out", () => {
  // "Show it" put the whole entry of the history where the value belonged.
  it("is taken from the entry that holds it: an output, the input, or a field of the input", () => {
    expect(leftOut({ seq: 3, type: "step_complete", data: { output: { rows: [1] } } }, ["charge"])).toEqual({ rows: [1] });
    expect(leftOut({ seq: 1, type: "start", data: { input: { text: "long", n: 1 } } }, [])).toEqual({ text: "long", n: 1 });
    expect(leftOut({ seq: 1, type: "start", data: { input: { text: "long", n: 1 } } }, ["text"])).toBe("long");
  });

  it("is never made of an entry that does not hold it", () => {
    expect(() => leftOut({ seq: 4, type: "complete" }, [])).toThrow("does not hold it");
  });
});

describe("what a definition calls sensitive", () => {
  it("is found wherever it is, and is nothing but that very text", () => {
    expect(hidesAnything("[sensitive]")).toBe(true);
    expect(hidesAnything({ card: { list: [{ pan: "[sensitive]" }] } })).toBe(true);
    expect(hidesAnything({ note: "it is [sensitive]", "[sensitive]": 1 })).toBe(false);
    expect(hidesAnything(null)).toBe(false);
  });
});

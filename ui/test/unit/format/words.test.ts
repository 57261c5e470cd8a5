import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { duration, ticking } from "../../../src/format/duration";
import { bytes, count, middle, oneLine, percent, shortId, visible } from "../../../src/format/text";
import { ago, clock, exact, iso, until, when } from "../../../src/format/time";

describe("lengths", () => {
  it.each([
    [-5, "0 ms"],
    [0, "0 ms"],
    [120, "120 ms"],
    [999.9, "999 ms"],
    [1200, "1.2 s"],
    [9_999, "9.9 s"],
    [59_999, "59 s"],
    [60_000, "1 m"],
    [124_000, "2 m 04 s"],
    [3_599_999, "59 m 59 s"],
    [11_400_000, "3 h 10 m"],
    [86_400_000, "1 d"],
    [183_600_000, "2 d 3 h"],
  ])("%d ms is %s", (ms, words) => expect(duration(ms)).toBe(words));

  it("has no tenths while it goes on", () => {
    expect([400, 1200, 9999, 31_000].map(ticking)).toEqual(["0 s", "1 s", "9 s", "31 s"]);
  });
});

describe("moments", () => {
  const zone = process.env["TZ"];
  beforeAll(() => {
    process.env["TZ"] = "Europe/Berlin";
  });
  afterAll(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });
  const now = Date.UTC(2026, 10, 22, 13, 2, 11, 204);
  const before = (ms: number): string => ago(now - ms, now);

  it.each([
    [-3000, "just now"],
    [4999, "just now"],
    [12_000, "12 s ago"],
    [180_000, "3 min ago"],
    [7_200_000, "2 h ago"],
    [86_400_000, "yesterday 14:02"],
    [3 * 86_400_000, "Thu 14:02"],
    [19 * 86_400_000, "3 Nov"],
    [400 * 86_400_000, "18 Oct 2025"],
  ])("%d ms before", (ms, words) => expect(before(ms)).toBe(words));

  it("says when something will be", () => {
    expect(until(now + 38_000, now)).toBe("in 38 s");
    expect(until(now + 183_600_000, now)).toBe("in 2 d 3 h");
    expect(until(now - 1, now)).toBe("now");
    expect(when(now + 3 * 86_400_000, now)).toBe("Wed 14:02");
    expect(when(now + 86_400_000, now)).toBe("tomorrow 14:02");
  });

  it("is exact with its zone", () => {
    expect(exact(now)).toBe("2026-11-22 14:02:11.204 (UTC+01:00, Europe/Berlin)");
    expect(clock(now, "milliseconds")).toBe("14:02:11.204");
    expect(iso(Number.NaN)).toBe("");
  });
});

describe("texts of users", () => {
  it("shows what is hidden in them", () => {
    expect(visible("a\u202eb\u0000c\u200bd\ufeff")).toBe("a\\u202eb\\u0000c\\u200bd\\ufeff");
    expect(visible("line\n\ttab")).toBe("line\n\ttab");
  });

  it("makes one line of them, never half a character", () => {
    expect(oneLine("a\n\n b\tc")).toBe("a b c");
    expect(oneLine("😀".repeat(10), 4)).toBe("😀😀😀…");
  });

  it("shortens ids at their beginning, and long names in their middle", () => {
    expect(shortId("exec_019aab3e5c7a7c32b1f0a5d2e4c6b812")).toBe("…4c6b812");
    expect(shortId("short")).toBe("short");
    expect(middle("exec_019aab3e5c7a7c32b1f0a5d2e4c6b812")).toBe("exec_019a…4c6b812");
  });

  it("counts", () => {
    expect(count(1_204_331)).toBe("1,204,331");
    expect([512, 65_536, 3_355_443].map(bytes)).toEqual(["512 B", "64 KiB", "3.1 MiB"]);
    expect([0, 0.0001, 0.004, 0.125, 1].map(percent)).toEqual(["0", "< 0.1 %", "0.4 %", "13 %", "100 %"]);
  });
});

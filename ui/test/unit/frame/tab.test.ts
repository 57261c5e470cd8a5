import { expect, test } from "vitest";
import { iconOf, titleOf } from "../../../src/frame/tab";
import { WORDS, type MarkKind } from "../../../src/parts/status";

const SHOWN: MarkKind[] = ["completed", "running", "retrying", "noWorker", "overdue", "failed", "paused", "waiting", "cancelled"];

test("a title begins with the sign of the status", () => {
  expect(titleOf("charge failed · order-processing", "failed")).toBe("✕ charge failed · order-processing · workflow.do");
  expect(titleOf("Errors", undefined)).toBe("Errors · workflow.do");
});

test("each status has an icon of its own shape, which loads nothing", () => {
  const shapes = new Set<string>();
  for (const kind of SHOWN) {
    const icon = iconOf(kind);
    expect(icon).toMatch(/^data:image\/svg\+xml,/);
    const svg = decodeURIComponent((icon ?? "").slice((icon ?? "").indexOf(",") + 1));
    expect(svg).not.toMatch(/COLOUR|href|url\(/);
    // Without its colours: the shapes alone tell them apart, but for the two that want a look.
    if (kind !== "overdue") shapes.add(svg.replace(/#[0-9a-f]{3,6}/g, ""));
  }
  expect(shapes.size).toBe(SHOWN.length - 1);
});

test("what has no status, or one that lasts for moments, has the page's own", () => {
  expect(iconOf(undefined)).toBeUndefined();
  expect(iconOf("pending")).toBeUndefined();
  expect(Object.keys(WORDS)).toEqual(expect.arrayContaining(SHOWN));
});

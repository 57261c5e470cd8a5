import { expect, test } from "vitest";
import type { Node } from "../../../src/api/types";
import { answer, shareOf, standingOf } from "../../../src/system/nodes";

const node = (slots: number, status: Node["status"] = "live"): Node => ({ id: `engine-${slots}`, name: "one", joinedAt: 0, slots, status, self: false });

test("an engine is live, lapsed, or waits for its share", () => {
  expect([node(1408), node(0), node(1344, "lapsed"), node(0, "lapsed")].map(standingOf)).toEqual(["live", "coming", "lapsed", "lapsed"]);
  expect([node(0), node(1024), node(4096)].map(shareOf)).toEqual([0, 0.25, 1]);
});

test("what stands still is said first", () => {
  const said = (...nodes: Node[]) => answer(nodes);
  expect(said(node(2048), node(2048))).toEqual({ words: "2 engines share the executions; what is shown above is of the one that answered.", bad: false });
  expect(said(node(4096), node(0)).bad).toBe(false);
  expect(said(node(1408), node(1344, "lapsed"), node(1344))).toEqual({
    words: "1 of 3 engines has not been heard from. 33 % of the executions stand still until another engine takes them over.",
    bad: true,
  });
  expect(said(node(64), node(4000, "lapsed"), node(32, "lapsed")).words).toMatch(/^2 of 3 engines have not been heard from\. 98 % /);
  // What it had has been given away, or taken over already.
  expect(said(node(4096), node(0, "lapsed")).words).toBe("1 of 2 engines has not been heard from.");
  // The place of one has been taken away, and its executions are not with anybody yet.
  expect(said(node(2048), node(1984))).toEqual({ words: "1.6 % of the executions stand still until another engine takes them over.", bad: true });
});

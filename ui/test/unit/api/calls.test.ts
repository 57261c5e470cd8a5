import { afterEach, describe, expect, it, vi } from "vitest";
import { createJob, executionOf, previewJob } from "../../../src/api/calls";
import type { JobBody } from "../../../src/api/types";

afterEach(() => vi.unstubAllGlobals());

function answering(body: object): { asked: string[] } {
  const asked: string[] = [];
  vi.stubGlobal("window", {});
  vi.stubGlobal("localStorage", { getItem: () => null });
  vi.stubGlobal("fetch", async (to: string) => {
    asked.push(to);
    return new Response(JSON.stringify(body));
  });
  return { asked };
}

describe("a call whose answer depends on how it was asked", () => {
  it("gives the answer that was asked for", async () => {
    const { asked } = answering({ id: "exec_1", lastSeq: 4, reasons: [] });
    expect((await executionOf("exec_1", { at: 3 })).lastSeq).toBe(4);
    expect(asked).toEqual(["/api/v1/executions/exec_1?at=3&history=0"]);
  });

  it("takes none that the route gives when it is asked otherwise", async () => {
    const body: JobBody = { action: "retry", ids: ["exec_1"] };
    answering({ matched: 1, sample: [] });
    expect((await previewJob(body)).matched).toBe(1);
    await expect(createJob(body, "key")).rejects.toThrow('the server has answered without "id"');
  });
});

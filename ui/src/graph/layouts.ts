// The page's end of the layout worker. It is started before the first graph is there, and a layout that was made is kept: the same version
// with the same folds is laid out once.

import type { FoldedGraph } from "./folding";
import type { Layout, LayoutRequest } from "./layout";
import type { StepGraph } from "./steps";

const KEPT_MAX = 32;

const kept = new Map<string, Promise<Layout>>();
const waiting = new Map<number, (layout: Layout) => void>();
const failures = new Set<(error: Error) => void>();
let worker: Worker | undefined;
let requests = 0;

/** So that its script is there when the first graph is. */
export const startLayouts = (): void => void started();

/** Asked for as soon as the folds are known, and again by the view when it is there: it is made once. */
export function layoutOf({ workflow, version }: StepGraph, folded: FoldedGraph): Promise<Layout> {
  const nodes = folded.nodes.map(({ id, kind, rank }) => ({ id, kind, rank }));
  const edges = folded.edges.map(({ id, from, to, kind }) => ({ id, from, to, kind }));
  return layout(`${workflow} ${version ?? ""} ${nodes.map((node) => node.id).join()}`, { nodes, edges });
}

export function layout(key: string, request: LayoutRequest): Promise<Layout> {
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = compute(request);
  kept.set(key, made);
  made.catch(() => kept.delete(key));
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  return made;
}

function compute(request: LayoutRequest): Promise<Layout> {
  requests += 1;
  const id = requests;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      waiting.delete(id);
      reject(error);
    };
    failures.add(fail);
    waiting.set(id, (layout) => {
      failures.delete(fail);
      resolve(layout);
    });
    started().postMessage({ id, request });
  });
}

function started(): Worker {
  if (worker !== undefined) return worker;
  const fresh = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module", name: "layout" });
  fresh.onmessage = ({ data }: MessageEvent<{ id: number; layout: Layout }>) => {
    waiting.get(data.id)?.(data.layout);
    waiting.delete(data.id);
  };
  fresh.onerror = () => {
    worker = undefined;
    for (const fail of [...failures]) fail(new Error("the graph could not be laid out"));
    failures.clear();
  };
  worker = fresh;
  return fresh;
}

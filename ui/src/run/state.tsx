// Input, context and outputs as they were at a moment: the server folds, so that it is exactly what the engine knew.

import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { executionOf } from "../api/calls";
import { visible } from "../format/text";
import { keyOf } from "../json/lines";
import { JsonTree } from "../json/tree";
import { Failed, Skeleton } from "../parts/panels";
import { useOpen, useShown } from "./hooks";

const SETTLED_MS = 150;
const VALUE_MAX = 65_536;

/** The execution as it was after an entry. That never changes: asked for once. */
export function stateQuery(id: string, seq: number) {
  return queryOptions({
    queryKey: ["execution", id, "at", seq],
    queryFn: ({ signal }) => executionOf(id, { at: seq, maxValueBytes: VALUE_MAX }, signal),
    staleTime: Infinity,
  });
}

export function StateTab({ id }: { id: string }) {
  const open = useOpen();
  const { execution, whole } = useShown(open);
  const seq = useSettled(whole ? execution.seq : 0);
  const { data, error, refetch } = useQuery({ ...stateQuery(id, seq), enabled: seq > 0, placeholderData: keepPreviousData });
  // Until another moment has come the former one stays, under its own name.
  const entry = open.moments.entry(data?.asOfSeq ?? seq);
  // What the entry added stands out: the output of the step that it completed.
  const marked = useMemo(() => (entry?.type === "step_complete" ? new Set([keyOf([entry.stepId])]) : undefined), [entry]);
  if (error) return <Failed error={error} onRetry={() => void refetch()} what="The state could not be read." />;
  if (data === undefined) return <Skeleton rows={4} height={20} />;
  const { state, output } = data;
  return (
    <div className="state">
      {output !== undefined && (
        <section>
          <h2>Output</h2>
          <JsonTree value={output} label="output" depth={3} />
        </section>
      )}
      <section>
        <h2>State {entry !== undefined && <span className="meta">after entry {entry.seq}{"stepId" in entry ? `, ${visible(entry.stepId)}` : ""}</span>}</h2>
        <JsonTree value={state ?? {}} label="state" root="state" depth={2} {...(marked && { marked })} />
      </section>
      <section>
        <h2>Input</h2>
        <JsonTree value={data.input} label="input" root="input" depth={2} />
      </section>
    </div>
  );
}

/** The moment once it has stood still: while the slider is dragged nothing is asked. The first one, after 0, at once. */
function useSettled(value: number): number {
  const [settled, setSettled] = useState(value);
  if (settled === 0 && value !== 0) setSettled(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

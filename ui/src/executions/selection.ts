// Which rows are selected. It is not in the address: a link must not carry a finger on a trigger.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ExecutionList } from "./list";

export interface Selection {
  ids: ReadonlySet<string>;
  choose(id: string, index: number, range: boolean): void;
  chooseAll(): void;
  clear(): void;
}

const NONE: ReadonlySet<string> = new Set();
/** As many ids as a job takes. */
export const IDS_MAX = 1_000;

export function useSelection(list: ExecutionList): Selection {
  const [of, setOf] = useState<{ list: ExecutionList; ids: ReadonlySet<string> }>({ list, ids: NONE });
  const from = useRef(0);
  const ids = of.list === list ? of.ids : NONE;
  const choose = useCallback(
    (id: string, index: number, range: boolean) => {
      setOf((before) => {
        const next = new Set(before.list === list ? before.ids : NONE);
        const all = list.state.get().ids;
        const between = all.slice(Math.min(from.current, index), Math.max(from.current, index) + 1);
        // Of what was let go nothing is known, not even whether an action is allowed for it.
        if (range) for (const one of between.filter((other) => list.row(other))) next.add(one);
        else if (!next.delete(id)) next.add(id);
        from.current = index;
        return { list, ids: new Set([...next].slice(0, IDS_MAX)) };
      });
    },
    [list],
  );
  const chooseAll = useCallback(() => setOf({ list, ids: new Set(list.state.get().ids.filter((id) => list.row(id)).slice(0, IDS_MAX)) }), [list]);
  const clear = useCallback(() => setOf({ list, ids: NONE }), [list]);
  useEffect(() => {
    list.pinned = ids;
  }, [list, ids]);
  return useMemo(() => ({ ids, choose, chooseAll, clear }), [ids, choose, chooseAll, clear]);
}

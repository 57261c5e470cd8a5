// What can be done with the selected executions. It lies over the bottom edge and pushes nothing; each number counts only
// those that the action is allowed for.
import { useWatched } from "../api/store";
import type { Counts, ExecutionStatus, JobAction } from "../api/types";
import { count } from "../format/text";
import type { ExecutionsSearch } from "../router/search";
import type { BulkOf } from "./Bulk";
import { tabOf } from "./filter";
import type { ExecutionList } from "./list";
import type { Selection } from "./selection";
import { total } from "./Tabs";

const ALLOWED: Record<JobAction, readonly ExecutionStatus[]> = {
  retry: ["failed"],
  replay: ["completed", "failed", "cancelled"],
  pause: ["pending", "running", "waiting"],
  resume: ["paused"],
  cancel: ["pending", "running", "waiting", "paused"],
};

export const VERBS: Record<JobAction, string> = { retry: "Retry", replay: "Replay", pause: "Pause", resume: "Resume", cancel: "Cancel" };

interface SelectionBarProps {
  list: ExecutionList;
  selection: Selection;
  search: ExecutionsSearch;
  counts: Counts | null;
  onBulk(of: BulkOf): void;
}

export function SelectionBar({ list, selection, search, counts, onBulk }: SelectionBarProps) {
  useWatched(list.state);
  const statuses = [...selection.ids].flatMap((id) => list.row(id)?.get().status ?? []);
  const tab = tabOf(search);
  const matching = total(counts, search);
  const all = tab?.status?.length === 1 || tab?.attention !== undefined ? matching : undefined;
  const allAction: JobAction | undefined = tab?.key === "failed" ? "retry" : tab?.key === "paused" ? "resume" : tab?.attention !== undefined || tab?.key === "waiting" ? "cancel" : undefined;
  return (
    <div className="ex-selected" role="region" aria-label="Selected executions">
      <span className="num">
        <strong>{count(selection.ids.size)}</strong> selected
      </span>
      {all !== undefined && allAction !== undefined && all > selection.ids.size && (
        <button type="button" className="linklike" onClick={() => onBulk({ action: allAction, all: true })}>
          {VERBS[allAction]} all {count(all)} that match…
        </button>
      )}
      <span className="ex-selected-actions">
        {(Object.keys(ALLOWED) as JobAction[]).map((action) => {
          const many = statuses.filter((status) => ALLOWED[action].includes(status)).length;
          return many === 0 ? null : (
            <button key={action} type="button" className="button small" onClick={() => onBulk({ action, ids: [...selection.ids] })}>
              {VERBS[action]} {count(many)}…
            </button>
          );
        })}
        <button type="button" className="button small quiet" onClick={selection.clear}>
          Clear <kbd>Esc</kbd>
        </button>
      </span>
    </div>
  );
}

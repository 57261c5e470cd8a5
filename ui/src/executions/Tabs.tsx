// Tabs of statuses with how many there are of each: the same counters that the server keeps, never a count of rows.
import { Link, useNavigate } from "@tanstack/react-router";
import { useKeys } from "../frame/keys";
import type { Counts, ExecutionStatus } from "../api/types";
import { count } from "../format/text";
import { Mark, type MarkKind } from "../parts/status";
import type { ExecutionsSearch } from "../router/search";
import { type Tab, tabOf, TABS } from "./filter";

function numberOf(tab: Tab, counts: Counts | null): number | undefined {
  if (counts === null) return undefined;
  if (tab.attention !== undefined) return counts.attention?.[tab.attention] ?? 0;
  const statuses = tab.status ?? (Object.keys(counts.byStatus) as ExecutionStatus[]);
  return statuses.reduce((sum, status) => sum + (counts.byStatus[status] ?? 0), 0);
}

/** How many the open list has, if the counters know. */
export function total(counts: Counts | null, search: ExecutionsSearch): number | undefined {
  const tab = tabOf(search);
  if (search.q !== undefined || search.by !== undefined) return undefined;
  return tab === undefined ? undefined : numberOf(tab, counts);
}

function withTab(search: ExecutionsSearch, tab: Tab): ExecutionsSearch {
  const next = { ...search };
  delete next.status;
  delete next.attention;
  return { ...next, ...(tab.status && { status: tab.status }), ...(tab.attention && { attention: tab.attention }) };
}

export function Tabs({ counts, search }: { counts: Counts | null; search: ExecutionsSearch }) {
  const navigate = useNavigate();
  const open = tabOf(search);
  const countable = search.q === undefined && search.by === undefined;
  const shown = TABS.filter((tab) => !tab.shy || tab === open || (countable && (numberOf(tab, counts) ?? 0) > 0));
  useKeys(
    "Tabs",
    shown.slice(0, 9).map((tab, at) => ({
      keys: String(at + 1),
      label: tab.label,
      run: () => void navigate({ to: "/executions", search: withTab(search, tab) }),
    })),
  );
  return (
    <nav className="ex-tabs scrolls" aria-label="Statuses">
      {shown.map((tab) => {
        const many = countable ? numberOf(tab, counts) : undefined;
        return (
          <Link
            key={tab.key}
            to="/executions"
            search={withTab(search, tab)}
            className="ex-tab"
            data-open={tab === open}
            data-none={many === 0}
            aria-current={tab === open ? "page" : undefined}
            activeOptions={{ exact: true }} activeProps={{}}
          >
            {tab.key !== "all" && <Mark kind={tab.key as MarkKind} size={14} />}
            <span>{tab.label}</span>
            <span className="ex-tab-count num">{many === undefined ? "" : `${count(many)}${counts?.exact === false ? "+" : ""}`}</span>
          </Link>
        );
      })}
    </nav>
  );
}

// What is going on, and what needs me? The list of executions: tabs with counts, filters, live rows, selection.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { systemQuery } from "../api/queries";
import { useWatched } from "../api/store";
import type { JobAction } from "../api/types";
import { count, counted } from "../format/text";
import { Heading } from "../frame/Frame";
import { useKeys } from "../frame/keys";
import { Command } from "../parts/copy";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { When } from "../parts/time";
import type { ExecutionsSearch } from "../router/search";
import { Bulk, type BulkOf } from "./Bulk";
import { apiFilter, isFiltered, tabOf } from "./filter";
import { Filters } from "./Filters";
import { type ExecutionList, listOf } from "./list";
import { SelectionBar } from "./SelectionBar";
import { useSelection } from "./selection";
import { Table } from "./Table";
import { Tabs, total } from "./Tabs";
import "./executions.css";

export function Executions() {
  const search = useSearch({ from: "/executions" });
  const key = JSON.stringify(search);
  const list = useMemo(() => listOf(key, () => apiFilter(search)), [key]);
  useEffect(() => list.open(), [list]);
  const state = useWatched(list.state);
  const counts = useWatched(list.counts);
  const selection = useSelection(list);
  const [bulk, setBulk] = useState<BulkOf | null>(null);
  // What may be done is asked once there is something that it could be done to.
  const system = useQuery({ ...systemQuery, enabled: state.ids.length > 0 });
  const selectable = system.data?.access !== "read";
  const many = total(counts, search);
  const ask = (action: JobAction): void => {
    if (selection.ids.size > 0) setBulk({ action, ids: [...selection.ids] });
  };
  useKeys(
    "Selected executions",
    [
      { keys: "r", label: "Retry…", run: () => ask("retry") },
      { keys: "c", label: "Cancel…", run: () => ask("cancel") },
      { keys: "Escape", label: "Select nothing", run: selection.clear },
    ],
    { off: selection.ids.size === 0 },
  );
  const nothing = state.phase !== "first" && state.phase !== "failed" && state.ids.length === 0 && state.ended;
  return (
    <div className="ex">
      <Heading title="Executions" tab={tabOf(search)?.label === "All" || !tabOf(search) ? "Executions" : `${tabOf(search)?.label} executions`} />
      <Tabs counts={counts} search={search} />
      <Filters search={search} />
      {state.phase === "first" ? (
        <Skeleton rows={16} />
      ) : state.ids.length === 0 && state.phase === "failed" ? (
        <div className="ex-padded">
          <Failed error={state.error} onRetry={() => list.retry()} />
        </div>
      ) : nothing ? (
        <Nothing search={search} />
      ) : (
        <Table list={list} selection={selection} selectable={selectable} total={many} foot={<Foot list={list} />} key={key} />
      )}
      {selection.ids.size > 0 && <SelectionBar list={list} selection={selection} search={search} counts={counts} onBulk={setBulk} />}
      {bulk && <Bulk of={bulk} search={search} onClose={() => setBulk(null)} />}
    </div>
  );
}

function Foot({ list }: { list: ExecutionList }) {
  const { phase, error, ended, searchedTo, ids } = useWatched(list.state);
  if (phase === "failed") return <Failed error={error} what="Older rows did not come." onRetry={() => list.retry()} />;
  if (searchedTo !== undefined) {
    return (
      <p className="ex-foot">
        Searched back to <When at={searchedTo} />.{" "}
        <button type="button" className="linklike" onClick={() => void list.more()}>
          Search further
        </button>
      </p>
    );
  }
  if (phase === "more") return <p className="ex-foot">Reading older ones…</p>;
  return <p className="ex-foot">{ended ? (ids.length > 20 ? `That is all: ${counted(ids.length, "execution")}.` : "") : "\u00a0"}</p>;
}

function Nothing({ search }: { search: ExecutionsSearch }) {
  const navigate = useNavigate();
  if (!isFiltered(search)) {
    return (
      <Empty icon="executions" title="Nothing has run yet. Start one here, or with:">
        <Command line="workflow start order-processing --input '{}'" />
        <Link to="/workflows" className="button primary">
          Start an execution
        </Link>
      </Empty>
    );
  }
  return (
    <Empty icon="filter" title="No execution matches these filters.">
      <Looser search={search} />
      <button type="button" className="button" onClick={() => void navigate({ to: "/executions", search: {} })}>
        Clear filters
      </button>
    </Empty>
  );
}

/** Which single filter stands in the way: how many there are without it. */
function Looser({ search }: { search: ExecutionsSearch }) {
  const said = (Object.keys(search) as (keyof ExecutionsSearch)[]).filter((name) => search[name] !== undefined);
  const worth = said.length > 1 && search.q === undefined && search.by === undefined ? said : [];
  return (
    <ul className="ex-looser">
      {worth.map((name) => (
        <Without key={name} search={search} name={name} />
      ))}
    </ul>
  );
}

const NAMES: Record<keyof ExecutionsSearch, string> = {
  workflow: "the workflow",
  version: "the version",
  status: "the status",
  attention: "the tab",
  error: "the error",
  by: "how it was started",
  since: "the time",
  from: "the earliest time",
  to: "the latest time",
  q: "the text",
};

function Without({ search, name }: { search: ExecutionsSearch; name: keyof ExecutionsSearch }) {
  const without: ExecutionsSearch = { ...search };
  delete without[name];
  const list = useMemo(() => listOf(`counts ${JSON.stringify(without)}`, () => apiFilter(without)), [JSON.stringify(without)]);
  useEffect(() => void list.readCounts(), [list]);
  const many = total(useWatched(list.counts), without);
  return many !== undefined && many > 0 ? (
    <li>
      <Link to="/executions" search={without}>
        {count(many)} match without {NAMES[name]}
      </Link>
    </li>
  ) : null;
}


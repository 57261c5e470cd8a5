// What narrows the list: the workflow, the time, and more; each can be taken away again.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { definitionsQuery } from "../api/queries";
import { useKeys } from "../frame/keys";
import { visible } from "../format/text";
import { Icon } from "../parts/icons";
import { Menu, type MenuItem } from "../parts/menu";
import { type ExecutionsSearch, said, type Span, SPANS, TRIGGERS } from "../router/search";
import { chips, isFiltered, SPAN_WORDS, TRIGGER_WORDS } from "./filter";

export function Filters({ search }: { search: ExecutionsSearch }) {
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  // Their names are wanted once one is chosen, or the menu is opened.
  const workflows = useQuery({ ...definitionsQuery, enabled: open || search.workflow !== undefined });
  const go = (change: { [K in keyof ExecutionsSearch]?: ExecutionsSearch[K] | undefined }): void =>
    void navigate({ to: "/executions", search: said({ ...search, ...change }) as ExecutionsSearch });
  useKeys("Filters", [{ keys: "f", label: "Filter by workflow", run: () => setOpen(true) }]);

  const chosen = new Set(search.workflow ?? []);
  const names = new Map((workflows.data?.workflows ?? []).map((one) => [one.id, one.name ?? one.id] as const));
  for (const id of chosen) if (!names.has(id)) names.set(id, id);
  const turn = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    go({ workflow: next.size === 0 ? undefined : [...next], version: undefined });
  };
  const workflowItems: MenuItem[] = [
    { key: "", label: "Every workflow", checked: chosen.size === 0, run: () => go({ workflow: undefined, version: undefined }) },
    ...[...names].map(([id, name]) => ({ key: id, text: name, label: <bdi>{visible(name)}</bdi>, checked: chosen.has(id), run: () => turn(id) })),
  ];
  const spanItems: MenuItem[] = [
    { key: "all", label: "Any time", checked: search.since === undefined && search.from === undefined && search.to === undefined, run: () => go({ since: undefined, from: undefined, to: undefined }) },
    ...SPANS.map((span: Span) => ({ key: span, label: SPAN_WORDS[span], checked: search.since === span, run: () => go({ since: span, from: undefined, to: undefined }) })),
  ];
  const byItems: MenuItem[] = TRIGGERS.map((by) => ({
    key: by,
    label: `Started ${TRIGGER_WORDS[by]}`,
    checked: search.by === by,
    run: () => go({ by: search.by === by ? undefined : by }),
  }));
  const one = chosen.size === 1 ? names.get([...chosen][0] ?? "") : undefined;
  return (
    <div className="ex-filters">
      <Menu
        label="Workflow"
        className="button small ex-filter"
        several
        open={open}
        onOpen={setOpen}
        button={
          <>
            <span className="cut">{chosen.size === 0 ? "Workflow" : (one ?? `${chosen.size} workflows`)}</span> <Icon name="down" size={12} />
          </>
        }
        items={workflowItems}
      />
      <Menu
        label="Time"
        className="button small ex-filter"
        button={
          <>
            {search.since === undefined ? "Any time" : SPAN_WORDS[search.since]} <Icon name="down" size={12} />
          </>
        }
        items={spanItems}
      />
      <Menu
        label="Filter"
        className="button small quiet ex-filter"
        button={
          <>
            <Icon name="plus" size={12} /> Filter
          </>
        }
        items={byItems}
      />
      {chips(search).map((chip) => (
        <button
          key={chip.key}
          type="button"
          className="ex-chip"
          aria-label={`${visible(chip.label)}, remove`}
          onClick={() => go(chip.without)}
          onKeyDown={(event) => {
            if (event.key === "Backspace" || event.key === "Delete") go(chip.without);
          }}
        >
          <bdi className="cut">{visible(chip.label)}</bdi> <Icon name="close" size={12} />
        </button>
      ))}
      {isFiltered(search) && (
        <button type="button" className="button small quiet ex-clear" onClick={() => void navigate({ to: "/executions", search: {} })}>
          Clear all
        </button>
      )}
    </div>
  );
}

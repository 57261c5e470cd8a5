// The search box. An id opens its execution at once; anything else offers where to look for it.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";
import { get } from "../api/client";
import { definitionsQuery } from "../api/queries";
import { visible } from "../format/text";
import { Icon, type IconName } from "../parts/icons";

interface Found {
  key: string;
  icon: IconName;
  label: ReactNode;
  run(): void;
}

const ID = /^exec_[0-9a-f]{32}$/;

export function Search() {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  const found = useFound(text.trim(), () => {
    setText("");
    setOpen(false);
    input.current?.blur();
  });
  const shown = open && found.length > 0;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      setAt((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      found[at]?.run();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (text !== "") setText("");
      else input.current?.blur();
      setOpen(false);
    }
  };
  return (
    <div className="search" role="search">
      <Icon name="search" size={14} />
      <input
        ref={input}
        id="search"
        className="search-field"
        type="text"
        role="combobox"
        aria-label="Search"
        aria-expanded={shown}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={shown ? `${list}-${at}` : undefined}
        placeholder="Search id or input…"
        autoComplete="off"
        spellCheck={false}
        value={text}
        maxLength={200}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      {text === "" && <kbd aria-hidden="true">/</kbd>}
      <ul id={list} className="search-list" role="listbox" aria-label="Where to look" hidden={!shown}>
        {found.map((one, index) => (
          <li
            key={one.key}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === at}
            className="search-item"
            // Before the field loses the focus, which closes the list.
            onPointerDown={(event) => {
              event.preventDefault();
              one.run();
            }}
            onPointerMove={() => setAt(index)}
          >
            <Icon name={one.icon} size={14} />
            <span className="cut">{one.label}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function useFound(text: string, done: () => void): Found[] {
  const navigate = useNavigate();
  const wanted = text.length > 0;
  const workflows = useQuery({ ...definitionsQuery, enabled: wanted });
  const actions = useQuery({
    queryKey: ["actions"],
    queryFn: ({ signal }) => get("/actions", { signal }),
    enabled: wanted,
    staleTime: 60_000,
  });
  if (!wanted) return [];
  const go = (to: () => unknown) => (): void => {
    void to();
    done();
  };
  const found: Found[] = [];
  if (ID.test(text)) {
    found.push({ key: "id", icon: "right", label: <>Open execution <code>{text}</code></>, run: go(() => navigate({ to: "/executions/$id", params: { id: text } })) });
  }
  found.push({
    key: "q",
    icon: "executions",
    label: <>Executions with “<bdi>{visible(text)}</bdi>” in id or input</>,
    run: go(() => navigate({ to: "/executions", search: { q: text } })),
  });
  const small = text.toLowerCase();
  for (const workflow of (workflows.data?.workflows ?? []).filter((one) => `${one.id} ${one.name ?? ""}`.toLowerCase().includes(small)).slice(0, 5)) {
    found.push({
      key: `w-${workflow.id}`,
      icon: "workflows",
      label: <>Workflow <bdi>{visible(workflow.name ?? workflow.id)}</bdi></>,
      run: go(() => navigate({ to: "/workflows/$id", params: { id: workflow.id } })),
    });
  }
  for (const action of (actions.data?.actions ?? []).filter((one) => one.action.toLowerCase().includes(small)).slice(0, 3)) {
    found.push({
      key: `a-${action.action}`,
      icon: "system",
      label: <>Action <code>{action.action}</code></>,
      run: go(() => navigate({ to: "/system", search: { tab: "actions", action: action.action } })),
    });
  }
  return found;
}

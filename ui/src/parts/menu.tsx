// A menu of choices or commands: arrows move, letters jump, Enter chooses.
import { type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { Popover } from "./dialog";
import { Icon } from "./icons";
import "./menu.css";

export interface MenuItem {
  key: string;
  label: ReactNode;
  /** What a letter jumps to; the key unless given. */
  text?: string;
  checked?: boolean;
  hint?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  run(): void;
}

interface MenuProps {
  label: string;
  button: ReactNode;
  items: readonly MenuItem[];
  /** Stays open after a choice: for several. */
  several?: boolean;
  align?: "start" | "end";
  className?: string;
  /** Opened from outside too, by a key. */
  open?: boolean;
  onOpen?(open: boolean): void;
}

export function Menu({ label, button, items, several = false, align = "start", className = "button", open, onOpen }: MenuProps) {
  const [own, setOwn] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const shown = open ?? own;
  const show = (value: boolean): void => (onOpen ? onOpen(value) : setOwn(value));
  // The popover closes itself when its own button is pressed, before or after the click that comes of it: what the click is to do
  // follows from what the press began with. No clock tells: a click early in a page's life is not one that came soon after a closing.
  const shownAtPress = useRef(false);
  return (
    <>
      <button
        ref={anchor}
        type="button"
        className={className}
        aria-haspopup="menu"
        aria-expanded={shown}
        onPointerDown={() => {
          shownAtPress.current = shown;
        }}
        // A click that comes of a key has no press, and closes nothing by itself.
        onClick={(event) => show(!(event.detail === 0 ? shown : shownAtPress.current))}
      >
        {typeof button !== "string" && <span className="only-read-aloud">{label}: </span>}
        {button}
      </button>
      {shown && (
        <Popover
          anchor={anchor}
          label={label}
          role="menu"
          align={align}
          onClose={() => show(false)}
        >
          <MenuItems items={items} onDone={() => several || show(false)} />
        </Popover>
      )}
    </>
  );
}

function MenuItems({ items, onDone }: { items: readonly MenuItem[]; onDone(): void }) {
  const list = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: "", at: 0 });
  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...(list.current?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const go = (to: number): void => {
      event.preventDefault();
      event.stopPropagation();
      buttons.at(to % buttons.length)?.focus();
    };
    if (event.key === "ArrowDown") go(at + 1);
    else if (event.key === "ArrowUp") go(at < 0 ? -1 : at - 1 + buttons.length);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(-1);
    else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
      const text = event.timeStamp - typed.current.at < 700 ? typed.current.text + event.key : event.key;
      typed.current = { text, at: event.timeStamp };
      const found = buttons.findIndex((button) => button.dataset["text"]?.toLowerCase().startsWith(text.toLowerCase()));
      event.stopPropagation();
      if (found >= 0) go(found);
    }
  };
  const role = items.some((item) => item.checked !== undefined) ? "menuitemcheckbox" : "menuitem";
  const first = Math.max(0, items.findIndex((item) => item.checked));
  return (
    <div ref={list} className="menu" role="presentation" onKeyDown={onKeyDown}>
      {items.map((item, at) => (
        <button
          key={item.key}
          type="button"
          role={role}
          aria-checked={role === "menuitemcheckbox" ? item.checked === true : undefined}
          className={`menu-item ${item.danger ? "menu-danger" : ""}`}
          data-text={item.text ?? item.key}
          data-autofocus={at === first ? "" : undefined}
          disabled={item.disabled}
          tabIndex={-1}
          onClick={() => {
            onDone();
            item.run();
          }}
        >
          {role === "menuitemcheckbox" && <span className="menu-check">{item.checked && <Icon name="check" />}</span>}
          <span className="menu-label">{item.label}</span>
          {item.hint !== undefined && <span className="menu-hint">{item.hint}</span>}
        </button>
      ))}
    </div>
  );
}

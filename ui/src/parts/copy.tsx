// Copies a text. That it is done is said where it was asked for, not in a corner of the page.
import { type ReactNode, useEffect, useRef, useState } from "react";
import { visible } from "../format/text";
import { Icon } from "./icons";

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Without TLS there is no clipboard in browsers; what is selected can still be copied. */
function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.style.position = "fixed";
  area.style.opacity = "0";
  const before = document.activeElement;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return done;
}

interface CopyProps {
  text: string | (() => string);
  label: string;
  children?: ReactNode;
  className?: string;
}

export function Copy({ text, label, children, className = "button quiet small icon" }: CopyProps) {
  const [done, setDone] = useState<"no" | "yes" | "failed">("no");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <button
      type="button"
      className={className}
      title={label}
      aria-label={done === "yes" ? "Copied" : label}
      onClick={async (event) => {
        event.stopPropagation();
        setDone((await copy(typeof text === "function" ? text() : text)) ? "yes" : "failed");
        clearTimeout(timer.current);
        timer.current = setTimeout(() => setDone("no"), 1500);
      }}
    >
      <Icon name={done === "yes" ? "check" : done === "failed" ? "close" : "copy"} size={14} />
      {children}
      <span className="only-read-aloud" aria-live="polite">
        {done === "yes" ? "Copied" : done === "failed" ? "The browser did not allow copying" : ""}
      </span>
    </button>
  );
}

/** A command line that can be copied. */
export function Command({ line }: { line: string }) {
  return (
    <div className="command">
      <code>
        <bdi>{visible(line)}</bdi>
      </code>
      <Copy text={line} label="Copy the command" />
    </div>
  );
}

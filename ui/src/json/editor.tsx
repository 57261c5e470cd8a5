// A text field for JSON: numbered lines, the place of a mistake while it is typed, and formatting. A plain text area, so
// that phones and screen readers work as they always do.
import { type KeyboardEvent, type ReactNode, useId, useMemo, useRef } from "react";
import { parse } from "../api/exact";
import { bytes } from "../format/text";
import { pretty } from "./lines";
import { mistake, mistakeSentence } from "./syntax";
import "./editor.css";

export interface Checked {
  value: unknown;
  problem: string | null;
}

/** What stands in the field, and what is wrong with it: no JSON, not an object, or too large. */
export function check(text: string, { object = true, bytesMax = 1024 * 1024 }: { object?: boolean; bytesMax?: number } = {}): Checked {
  if (text.trim() === "") return { value: {}, problem: null };
  const wrong = mistake(text);
  if (wrong) return { value: undefined, problem: mistakeSentence(wrong) };
  const value = parse(text);
  const size = new TextEncoder().encode(text).length;
  if (size > bytesMax) return { value, problem: `This input is ${bytes(size)}; the limit is ${bytes(bytesMax)}.` };
  if (object && (typeof value !== "object" || value === null || Array.isArray(value))) {
    return { value, problem: 'The input has to be an object, such as {"orderId": "ord_123"}.' };
  }
  return { value, problem: null };
}

interface JsonEditorProps {
  label: string;
  value: string;
  onChange(text: string): void;
  problem: string | null;
  rows?: number;
  onSubmit?(): void;
  extra?: ReactNode;
  autoFocus?: boolean;
}

export function JsonEditor({ label, value, onChange, problem, rows = 12, onSubmit, extra, autoFocus = false }: JsonEditorProps) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const count = useMemo(() => value.split("\n").length, [value]);
  const wrong = useMemo(() => (problem === null ? null : mistake(value)), [problem, value]);
  const numbers = useMemo(() => Array.from({ length: count }, (_, at) => at + 1).join("\n"), [count]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onSubmit?.();
    }
  };
  const goToMistake = (): void => {
    if (!wrong || !area.current) return;
    area.current.focus();
    area.current.setSelectionRange(wrong.offset, Math.min(value.length, wrong.offset + 1));
  };
  return (
    <div className="json-editor">
      <div className="json-editor-head">
        <label htmlFor={id}>{label}</label>
        {extra}
        <button
          type="button"
          className="button quiet small"
          disabled={wrong !== null || value.trim() === ""}
          onClick={() => onChange(pretty(parse(value)))}
        >
          Format
        </button>
      </div>
      <div className="json-editor-box" data-wrong={problem !== null}>
        <div className="json-editor-gutter" aria-hidden="true">
          <pre ref={gutter} className="json-editor-numbers">
            {numbers}
            {wrong && <span className="json-editor-mark" style={{ top: `calc(${wrong.line - 1} * 1lh + 8px)` }} />}
          </pre>
        </div>
        <textarea
          id={id}
          ref={area}
          className="json-editor-text scrolls"
          value={value}
          rows={rows}
          wrap="off"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          data-autofocus={autoFocus ? "" : undefined}
          aria-invalid={problem !== null}
          aria-describedby={`${id}-problem`}
          onKeyDown={onKeyDown}
          onChange={(event) => onChange(event.target.value)}
          onScroll={(event) => {
            if (gutter.current) gutter.current.style.transform = `translateY(${-event.currentTarget.scrollTop}px)`;
          }}
        />
      </div>
      <p id={`${id}-problem`} className="json-editor-problem" aria-live="polite">
        {problem !== null && wrong !== null ? (
          <button type="button" className="linklike" onClick={goToMistake}>
            {problem}
          </button>
        ) : (
          problem
        )}
      </p>
    </div>
  );
}

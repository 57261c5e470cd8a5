// Dialogs and popovers on the browser's own elements: it keeps the focus inside, gives it back, and closes by Escape.
import { type ReactNode, type RefObject, useEffect, useId, useLayoutEffect, useRef } from "react";
import { useKeys } from "../frame/keys";
import { Icon } from "./icons";
import "./dialog.css";

interface DialogProps {
  title: ReactNode;
  onClose(): void;
  children: ReactNode;
  /** Buttons, the one that does it last. `autoFocus` says where the focus begins. */
  actions?: ReactNode;
  wide?: boolean;
  /** While a command is under way it cannot be closed by accident. */
  busy?: boolean;
}

/** It is open as long as it is there. */
export function Dialog({ title, onClose, children, actions, wide = false, busy = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useKeys("Dialog", [{ keys: "Escape", run: () => busy || onClose() }], { modal: true });
  useLayoutEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    const before = document.activeElement;
    dialog.showModal();
    // Without a place of its own the focus begins at the dialog, not at the cross that closes it.
    (dialog.querySelector<HTMLElement>("[data-autofocus]") ?? dialog).focus();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={element}
      className={`dialog ${wide ? "dialog-wide" : ""}`}
      aria-labelledby={heading}
      tabIndex={-1}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === element.current && !busy) onClose();
      }}
    >
      <div className="dialog-inside">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" className="button quiet icon" aria-label="Close" onClick={onClose} disabled={busy}>
            <Icon name="close" />
          </button>
        </header>
        <div className="dialog-body scrolls">{children}</div>
        {actions && <footer className="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  );
}

interface PopoverProps {
  /** What it belongs to: it opens below, or above where there is no room. */
  anchor: RefObject<HTMLElement | null>;
  onClose(): void;
  children: ReactNode;
  label: string;
  align?: "start" | "end";
  role?: "dialog" | "menu" | "listbox";
  className?: string;
}

/** It is open as long as it is there. Clicking elsewhere or Escape closes it. */
export function Popover({ anchor, onClose, children, label, align = "start", role = "dialog", className = "" }: PopoverProps) {
  const element = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  });
  useKeys("Popover", [{ keys: "Escape", run: () => close.current() }]);
  useLayoutEffect(() => {
    const popover = element.current;
    if (!popover) return;
    const opener = anchor.current;
    popover.showPopover();
    place(popover, opener, align);
    popover.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    const onToggle = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") close.current();
    };
    const onResize = (): void => place(popover, opener, align);
    popover.addEventListener("toggle", onToggle);
    window.addEventListener("resize", onResize);
    return () => {
      popover.removeEventListener("toggle", onToggle);
      window.removeEventListener("resize", onResize);
      // The focus goes back to what opened it, unless the person has put it elsewhere by clicking there.
      if (popover.contains(document.activeElement) || document.activeElement === document.body) opener?.focus({ preventScroll: true });
    };
  }, [anchor, align]);
  return (
    <div ref={element} popover="auto" className={`popover ${className}`} role={role} aria-label={label}>
      {children}
    </div>
  );
}

const GAP = 4;
const EDGE = 8;

function place(popover: HTMLElement, anchor: HTMLElement | null, align: "start" | "end"): void {
  if (!anchor) return;
  const around = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popover;
  const room = { width: document.documentElement.clientWidth, height: document.documentElement.clientHeight };
  const left = align === "start" ? around.left : around.right - width;
  const below = around.bottom + GAP;
  const top = below + height <= room.height - EDGE || around.top < height ? below : around.top - GAP - height;
  popover.style.left = `${Math.max(EDGE, Math.min(left, room.width - EDGE - width))}px`;
  popover.style.top = `${Math.max(EDGE, Math.min(top, room.height - EDGE - height))}px`;
}

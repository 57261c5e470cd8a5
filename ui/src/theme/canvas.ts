// Colours for canvases, which know no `light-dark()` and do not hear of a change of the theme.

import { useEffect, useState } from "react";

const known = new Map<string, string>();

/** What the browser makes of colours of the theme. Asked once a theme: the question costs a layout. */
export function resolved(near: Element, names: readonly string[]): ReadonlyMap<string, string> {
  const style = getComputedStyle(near);
  const scheme = `${document.documentElement.dataset["theme"] ?? ""} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
  let probe: HTMLElement | undefined;
  const colours = new Map<string, string>();
  for (const name of names) {
    const key = `${scheme} ${name}`;
    let colour = known.get(key);
    if (colour === undefined) {
      if (probe === undefined) {
        probe = document.createElement("span");
        document.body.append(probe);
      }
      probe.style.color = style.getPropertyValue(name);
      colour = getComputedStyle(probe).color;
      known.set(key, colour);
    }
    colours.set(name, colour);
  }
  probe?.remove();
  return colours;
}

/** Another number after each change of the theme: what was painted has to be painted again. */
export function useThemed(): number {
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const onChange = () => setTimes((before) => before + 1);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", onChange);
    const observer = new MutationObserver(onChange);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      dark.removeEventListener("change", onChange);
      observer.disconnect();
    };
  }, []);
  return times;
}

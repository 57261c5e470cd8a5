// The colours of tokens.css against WCAG 2.2: text 4.5, marks and borders 3, on every surface that they are drawn on; and the
// marks against one another as people with a colour vision deficiency see them.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../../../src/theme/tokens.css", import.meta.url), "utf8");
const tokens = new Map([...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [name as string, { light: light as string, dark: dark as string }]));
const themes = ["light", "dark"] as const;
type Theme = (typeof themes)[number];

const channels = (hex: string): [number, number, number] => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as [number, number, number];
const linear = (value: number): number => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

function luminance(hex: string): number {
  const [r, g, b] = channels(hex).map(linear) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function token(name: string, theme: Theme): string {
  const found = tokens.get(name);
  if (!found) throw new Error(`tokens.css has no --${name} of the form light-dark(#rrggbb, #rrggbb)`);
  return found[theme];
}

const SURFACES = ["canvas", "surface", "raised"];
const TEXTS = ["text", "text-2", "text-3", "accent", "danger", "retry", "ok"];
const MARKS = ["completed", "running", "retrying", "failed", "paused", "waiting", "neutral"];

describe.each(themes)("%s", (theme) => {
  it.each(TEXTS.flatMap((text) => [...SURFACES, "hover"].map((surface) => [text, surface] as const)))("%s can be read on %s", (text, surface) => {
    expect(contrast(token(text, theme), token(surface, theme))).toBeGreaterThanOrEqual(4.5);
  });

  it.each([["text"], ["text-2"], ["accent"]])("%s can be read on a chosen row", (text) => {
    expect(contrast(token(text, theme), token("chosen", theme))).toBeGreaterThanOrEqual(4.5);
  });

  it.each([
    ["danger", "tint-failed"],
    ["retry", "tint-retry"],
    ["accent", "tint-run"],
    ["ok", "tint-ok"],
    ["on-accent", "accent"],
    ["on-danger", "danger"],
    ["on-accent", "mark-completed"],
    ["on-accent", "mark-failed"],
    ["on-running", "mark-running"],
  ])("%s can be read on %s", (text, surface) => {
    expect(contrast(token(text, theme), token(surface, theme))).toBeGreaterThanOrEqual(4.5);
  });

  it.each([...MARKS.map((mark) => `mark-${mark}`), "control"].flatMap((mark) => SURFACES.map((surface) => [mark, surface] as const)))("%s can be seen on %s", (mark, surface) => {
    expect(contrast(token(mark, theme), token(surface, theme))).toBeGreaterThanOrEqual(3);
  });

  it("marks differ for every kind of colour vision", () => {
    for (const vision of Object.keys(VISIONS) as (keyof typeof VISIONS)[]) {
      for (const [at, a] of MARKS.entries()) {
        for (const b of MARKS.slice(at + 1)) {
          const difference = ciede2000(seen(token(`mark-${a}`, theme), vision), seen(token(`mark-${b}`, theme), vision));
          expect(difference, `${a} and ${b}, ${vision}`).toBeGreaterThan(15);
        }
      }
    }
  });
});

// Machado, Oliveira, Fernandes (2009), full severity, in linear RGB.
const VISIONS = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

type Lab = [number, number, number];

function seen(hex: string, vision: keyof typeof VISIONS): Lab {
  const rgb = channels(hex).map(linear);
  const m = VISIONS[vision];
  const [r, g, b] = [0, 3, 6].map((row) => Math.min(1, Math.max(0, m[row]! * rgb[0]! + m[row + 1]! * rgb[1]! + m[row + 2]! * rgb[2]!))) as [number, number, number];
  const f = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389) / 27 / 116 + 16 / 116);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Sharma, Wu, Dalal (2005). */
function ciede2000([l1, a1, b1]: Lab, [l2, a2, b2]: Lab): number {
  const rad = Math.PI / 180;
  const c = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 0.5 * (1 - Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7)));
  const [a1p, a2p] = [a1 * (1 + g), a2 * (1 + g)];
  const [c1, c2] = [Math.hypot(a1p, b1), Math.hypot(a2p, b2)];
  const hue = (a: number, b: number): number => (a === 0 && b === 0 ? 0 : (Math.atan2(b, a) / rad + 360) % 360);
  const [h1, h2] = [hue(a1p, b1), hue(a2p, b2)];
  let dh = h2 - h1;
  if (c1 * c2 === 0) dh = 0;
  else if (dh > 180) dh -= 360;
  else if (dh < -180) dh += 360;
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad);
  const l = (l1 + l2) / 2;
  const cm = (c1 + c2) / 2;
  let h = h1 + h2;
  if (c1 * c2 !== 0) h = Math.abs(h1 - h2) <= 180 ? h / 2 : (h < 360 ? h + 360 : h - 360) / 2;
  const t = 1 - 0.17 * Math.cos((h - 30) * rad) + 0.24 * Math.cos(2 * h * rad) + 0.32 * Math.cos((3 * h + 6) * rad) - 0.2 * Math.cos((4 * h - 63) * rad);
  const sl = 1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2);
  const sc = 1 + 0.045 * cm;
  const sh = 1 + 0.015 * cm * t;
  const rt = -2 * Math.sqrt(cm ** 7 / (cm ** 7 + 25 ** 7)) * Math.sin(60 * Math.exp(-(((h - 275) / 25) ** 2)) * rad);
  const [dl, dc, dhh] = [(l2 - l1) / sl, (c2 - c1) / sc, dH / sh];
  return Math.sqrt(dl ** 2 + dc ** 2 + dhh ** 2 + rt * dc * dhh);
}

describe("the difference of colours", () => {
  it("agrees with the published test data", () => {
    // Pairs 1, 7 and 25 of Sharma's table.
    expect(ciede2000([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4);
    expect(ciede2000([50, 0, 0], [50, -1, 2])).toBeCloseTo(2.3669, 4);
    expect(ciede2000([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387])).toBeCloseTo(1.2644, 4);
  });
});

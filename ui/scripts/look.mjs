// Pictures of screens, to look at: light and dark, desktop and phone.
//
//   node scripts/look.mjs URL FOLDER NAME=PATH...
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [url, folder, ...wanted] = process.argv.slice(2);
if (!url || !folder || wanted.length === 0) {
  console.error("expected URL FOLDER NAME=PATH..., such as http://127.0.0.1:4747 /tmp/look executions=/executions");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(sizes)) {
    const context = await browser.newContext({ colorScheme, viewport, hasTouch: size === "phone", isMobile: size === "phone", reducedMotion: "reduce" });
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && console.error(`${size} ${colorScheme}: ${message.text()}`));
    page.on("pageerror", (error) => console.error(`${size} ${colorScheme}: ${error.message}`));
    for (const one of wanted) {
      const at = one.indexOf("=");
      await page.goto(url + one.slice(at + 1));
      await page.waitForLoadState("load");
      await page.waitForTimeout(700);
      await page.screenshot({ path: `${folder}/${one.slice(0, at)}-${size}-${colorScheme}.png` });
    }
    await context.close();
  }
}
await browser.close();

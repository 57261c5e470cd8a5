// What the browser keeps for this page: choices of how it looks. Never anything of the data. Where storage is switched off
// a choice holds until the page is left.
const memory = new Map<string, string>();

export const kept = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(name) ?? memory.get(name) ?? null;
    } catch {
      return memory.get(name) ?? null;
    }
  },
  set(name: string, value: string | null): void {
    if (value === null) memory.delete(name);
    else memory.set(name, value);
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch {
      // Kept in memory then.
    }
  },
};

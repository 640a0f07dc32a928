/** Titles of administrative units, asked for once each, all of a moment together, and kept. */
import type { BatchGetAreasResponse } from "../api/messages";
import { get } from "../api/client";

const TOGETHER = 100; // names of one request
const known = new Map<string, string>();
let wanted: string[] = [];
let render: () => void = () => undefined;

/** Tell how to render again when titles came; called once at the start. */
export function onAreas(update: () => void): void {
  render = update;
}

/** "Xã Trà Leng" of "areas/2025-20938"; the code until the server has answered, "" for no name. */
export function areaTitle(name: string): string {
  if (!name) return "";
  const title = known.get(name);
  if (title !== undefined) return title;
  const code = name.replace("areas/", "");
  known.set(name, code);
  if (!wanted.length) queueMicrotask(() => void ask());
  wanted.push(name);
  return code;
}

/** Keep a title that is known anyway. */
export function keepTitle(name: string, title: string): void {
  known.set(name, title);
}

async function ask(): Promise<void> {
  const names = wanted;
  wanted = [];
  for (let start = 0; start < names.length; start += TOGETHER) {
    try {
      const { areas } = await get<BatchGetAreasResponse>("/v1/areas:batchGet", { names: names.slice(start, start + TOGETHER) });
      for (const { name, title } of areas) known.set(name, title);
    } catch {
      continue; // the codes stay
    }
    render();
  }
}

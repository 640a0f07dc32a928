/** Titles of administrative units, asked for once each and kept. */
import type { Area } from "../api/messages";
import { get } from "../api/client";

const known = new Map<string, string>();
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
  void get<Area>(`/v1/${name}`).then(
    (area) => {
      known.set(name, area.title);
      render();
    },
    () => undefined, // the code stays
  );
  return code;
}

/** Arrow keys, Home and End move the focus within a list, so that Tab passes it in one step. */

/** Handler for `keydown` on the list; its stops carry `data-stop`. */
export function roving(event: KeyboardEvent): void {
  const list = event.currentTarget as HTMLElement;
  const stops = [...list.querySelectorAll<HTMLElement>("[data-stop]")];
  const at = stops.indexOf((event.target as HTMLElement).closest<HTMLElement>("[data-stop]")!);
  const targets: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: stops.length - 1 };
  const next = stops[targets[event.key] ?? -1];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

/** The one stop that Tab reaches: the selected item, else the first. */
export const tabStop = (index: number, selected: number): "0" | "-1" =>
  index === Math.max(selected, 0) ? "0" : "-1";

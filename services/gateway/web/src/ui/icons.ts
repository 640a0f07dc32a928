/** Line icons on a grid of 24, drawn for this product. They are decoration: the text beside them says the same. */
import { html, svg, type TemplateResult } from "lit-html";

const shapes = {
  situation: svg`<path d="M3 19 9.5 7l4 6.5L16 10l5 9z" />`,
  news: svg`<path d="M5 4h11v16H6a2 2 0 0 1-2-2V5zM16 9h4v9a2 2 0 0 1-2 2h-2M7 8h6M7 12h6M7 16h4" />`,
  land: svg`<path d="M4 5h9v6H4zM4 11h5v8H4zM9 11h11v8H9zM13 5h7v6h-7z" />`,
  alert: svg`<path d="M6 16v-5a6 6 0 0 1 12 0v5l2 2H4zM10 21h4" />`,
  source: svg`<path d="M5 19a1 1 0 1 0 .1 0M4 12a8 8 0 0 1 8 8M4 5a15 15 0 0 1 15 15" />`,
  quarantine: svg`<path d="M12 3 21 20H3zM12 10v4M12 17v.5" />`,
  settings: svg`<path d="M4 7h9M17 7h3M4 17h3M11 17h9" /><circle cx="15" cy="7" r="2" /><circle cx="9" cy="17" r="2" />`,
  trash: svg`<path d="M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13" />`,
  brief: svg`<path d="M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6" />`,
  clip: svg`<path d="M12 5v14M5 12h14" />`,
  help: svg`<path d="M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .9-1 1.7M12 16.5v.5" /><circle cx="12" cy="12" r="9" />`,
  search: svg`<circle cx="10.5" cy="10.5" r="6" /><path d="m15 15 5.5 5.5" />`,
  wall: svg`<path d="M3 5h18v12H3zM9 21h6M12 17v4" />`,
  menu: svg`<path d="M4 6h16M4 12h16M4 18h16" />`,
  close: svg`<path d="m6 6 12 12M18 6 6 18" />`,
  back: svg`<path d="m11 5-7 7 7 7M4 12h16" />`,
  link: svg`<path d="M14 4h6v6M20 4l-9 9M18 14v6H4V6h6" />`,
  check: svg`<path d="m4 12.5 5.5 5.5L20 7" />`,
  person: svg`<circle cx="12" cy="8" r="4" /><path d="M4 21c1-5 4-7 8-7s7 2 8 7" />`,
  machine: svg`<path d="M6 8h12v11H6zM12 8V4M9 12.5v1.5M15 12.5v1.5M3 12v4M21 12v4" />`,
  down: svg`<path d="M12 4v11M7 11l5 5 5-5M5 20h14" />`,
  upload: svg`<path d="M12 17V5M7 9l5-5 5 5M5 20h14" />`,
  play: svg`<path d="M7 5v14l12-7z" />`,
  pause: svg`<path d="M8 5v14M16 5v14" />`,
  place: svg`<path d="M12 21c-5-6-7-8.5-7-12a7 7 0 0 1 14 0c0 3.5-2 6-7 12z" /><circle cx="12" cy="9" r="2.5" />`,
  clock: svg`<circle cx="12" cy="12" r="9" /><path d="M12 7v5l3.5 2" />`,
  copy: svg`<path d="M8 8h12v12H8zM16 8V4H4v12h4" />`,
  negative: svg`<path d="M4 7h16l-8 12z" class="solid" />`,
  positive: svg`<path d="M4 17h16L12 5z" class="solid" />`,
  neutral: svg`<circle cx="12" cy="12" r="6" class="solid" />`,
  unsure: svg`<circle cx="12" cy="12" r="8" stroke-dasharray="3 2.5" /><path d="M10 10.300a2 2 0 1 1 2.8 1.900c-.5.2-.8.6-.8 1.300M12 15.800v.4" />`,
  critical: svg`<path d="M5 4h14v11h-8l-4 5v-5H5zM12 7v4M12 12.800v.3" />`,
  supportive: svg`<path d="M5 4h14v11h-8l-4 5v-5H5zM8.5 9.500l2.5 2.5 4.5-5" />`,
  complaint: svg`<path d="M4 10v4h4l7 5V5L8 10zM18.5 9a4 4 0 0 1 0 6" />`,
  error: svg`<path d="M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 15.800v.4" />`,
  warning: svg`<path d="M12 4 21 20H3zM12 10v4.500M12 17v.4" />`,
  info: svg`<circle cx="12" cy="12" r="9" /><path d="M12 11v6M12 7.600v.4" />`,
} as const;

export type IconName = keyof typeof shapes;

/** One icon, sized by the text around it. */
export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${shapes[name]}</svg>`;
}

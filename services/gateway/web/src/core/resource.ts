/** Something that is loaded from the server and shown: its data, its error, and when it came. */
import { html, nothing, type TemplateResult } from "lit-html";
import { ApiError } from "../api/client";
import { icon } from "../ui/icons";
import { ago, dateTime } from "./format";
import { t } from "./i18n";

export class Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading = false;
  /** When the data came, in milliseconds. */
  loadedAt = 0;
  private turn = 0;
  private last: (() => Promise<T>) | undefined;

  constructor(private readonly update: () => void) {}

  /** Load anew; an answer that a later call overtook is dropped. Data in hand stay on screen meanwhile. */
  async load(fetch: () => Promise<T>): Promise<void> {
    const turn = ++this.turn;
    this.last = fetch;
    this.loading = true;
    this.update();
    try {
      const data = await fetch();
      if (turn !== this.turn) return;
      [this.data, this.error, this.loadedAt] = [data, undefined, Date.now()];
    } catch (error) {
      if (turn !== this.turn) return;
      this.error = ApiError.from(error);
    }
    this.loading = false;
    this.update();
  }

  /** Ask for the same thing again. */
  retry = (): void => {
    if (this.last) void this.load(this.last);
  };

  /** Forget the data, so that the next ones do not show among them. */
  clear(): void {
    this.data = undefined;
  }

  /** Is this a part that the server does not have? */
  get absent(): boolean {
    return this.error?.absent ?? false;
  }
}

/** The data as `ready` shows them, else a placeholder, or the error with a button to try again. */
export function show<T>(resource: Resource<T>, ready: (data: T) => TemplateResult): TemplateResult {
  const { data, error } = resource;
  const trouble = error && !resource.loading ? problem(error, resource.retry) : nothing;
  if (data !== undefined) return html`${trouble}${error && !resource.loading ? asOf(resource.loadedAt) : nothing}${ready(data)}`;
  if (resource.loading || !error) return html`<p class="loading" role="status">${t("state.loading")}</p>`;
  return html`${trouble}`;
}

/** Of which moment the data on screen are, where newer ones could not be had. */
function asOf(moment: number): TemplateResult {
  const iso = new Date(moment).toISOString();
  return html`<p class="as-of">${icon("clock")}${t("state.as_of", { time: dateTime(iso), ago: ago(iso) })}</p>`;
}

/** An error in words, with a button to try again. */
export function problem(error: ApiError, retry?: () => void): TemplateResult {
  const text = error.absent ? t("state.absent") : error.text();
  return html`<div class="problem" role="alert">
    <p>${text}</p>
    ${retry ? html`<button class="button small" @click=${retry}>${t("action.retry")}</button>` : nothing}
  </div>`;
}

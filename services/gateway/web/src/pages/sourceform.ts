/** The form that adds a source; the crawler asks the site first (robots, one feed, one article), then it can be saved. */
import { html, nothing, type TemplateResult } from "lit-html";
import { ApiError, post } from "../api/client";
import type { LocalizedText, Source } from "../api/messages";
import { local, t } from "../core/i18n";
import { icon } from "../ui/icons";
import { toast } from "../ui/toast";

/** What the crawler found, one line for each thing that it looked at. */
interface Check {
  kind?: string;
  url?: string;
  ok?: boolean;
  message?: LocalizedText;
}

interface Answer {
  source?: Source;
  checks?: Check[];
}

const lines = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** The form as a function that renders it; `saved` hears of a new source. */
export function sourceForm(update: () => void, saved: () => void): () => TemplateResult {
  let checked: { of: string; answer: Answer } | undefined;
  let failure = "";
  let busy = false;
  let now = "";

  function read(form: HTMLFormElement): { source_id: string; definition: Record<string, unknown> } {
    const data = new FormData(form);
    const text = (key: string): string => String(data.get(key) ?? "").trim();
    const selector = text("selector");
    return {
      source_id: text("source_id"),
      definition: {
        title: text("title"),
        home_url: text("home_url"),
        feeds: lines(text("feeds")),
        sitemaps: lines(text("sitemaps")),
        lists: lines(text("lists")).map((url) => ({ url, selector })),
        allow: lines(text("allow")),
        tier: text("tier"),
        licence_note: text("licence_note"),
      },
    };
  }

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const save = (event.submitter as HTMLButtonElement).value === "save";
    const request = read(form);
    now = JSON.stringify(request);
    busy = true;
    update();
    try {
      const answer = await post<Answer>("/v1/sources", { ...request, validate_only: !save });
      failure = "";
      checked = save ? undefined : { of: now, answer };
      if (save) {
        form.reset();
        toast(t("source.added"));
        saved();
      }
    } catch (error) {
      const found = ApiError.from(error);
      failure = found.absent ? t("state.absent") : found.text();
      checked = undefined;
    }
    busy = false;
    update();
  }

  const check = (one: Check): TemplateResult => html`<li class=${one.ok === false ? "bad" : "good"}>
    ${icon(one.ok === false ? "error" : "check")}<b>${one.kind ?? ""}</b> <span class="muted">${one.url ?? ""}</span> ${local(one.message)}
  </li>`;

  return () => {
    const ready = checked !== undefined && checked.of === now;
    const edited = (event: Event): void => {
      now = JSON.stringify(read(event.currentTarget as HTMLFormElement));
      update();
    };
    const field = (name: "feeds" | "sitemaps" | "lists" | "allow"): TemplateResult => html`<label class="field">
      <span>${t(`source.${name}`)}</span><textarea name=${name} rows="2" spellcheck="false"></textarea>
    </label>`;
    return html`<details class="panel add-source">
      <summary>${t("source.add")}</summary>
      <form class="editor" @submit=${submit} @input=${edited}>
        <p class="muted">${t("source.add_help")}</p>
        <div class="fields">
          <label class="field"><span>${t("source.id")}</span><input name="source_id" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" spellcheck="false" /></label>
          <label class="field"><span>${t("source.title")}</span><input name="title" required maxlength="200" /></label>
          <label class="field"><span>${t("source.home")}</span><input type="url" name="home_url" required placeholder="https://" /></label>
          <label class="field">
            <span>${t("source.tier")}</span>
            <select name="tier">
              ${(["local", "provincial", "national", "social", "office"] as const).map((tier) => html`<option value=${tier}>${t(`tier.${tier}`)}</option>`)}
            </select>
          </label>
        </div>
        <div class="fields">${field("feeds")} ${field("sitemaps")} ${field("lists")} ${field("allow")}</div>
        <label class="field"><span>${t("source.selector")}</span><input name="selector" spellcheck="false" placeholder="article h3 a" /></label>
        <label class="field"><span>${t("source.licence")}</span><input name="licence_note" maxlength="1000" /></label>
        ${failure ? html`<p class="problem" role="alert">${failure}</p>` : nothing}
        ${checked ? html`<ul class="plain checks">${(checked.answer.checks ?? []).map(check)}</ul>` : nothing}
        <p class="bar">
          <button class="button" value="check" ?disabled=${busy}>${t("source.check")}</button>
          <button class="button primary" value="save" ?disabled=${busy || !ready}>${t("source.save")}</button>
          ${busy ? html`<span class="loading" role="status">${t("source.checking")}</span>` : nothing}
        </p>
      </form>
    </details>`;
  };
}

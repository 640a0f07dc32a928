/** `#/audit`: who did what and when, by user, method and time; page by page, and as a file. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { AuditEntry, ListAuditEntriesResponse } from "../api/messages";
import { address, get, type Query } from "../api/client";
import { dateTime, dayStart } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { go, href, type Context, type View } from "../core/router";
import { icon } from "../ui/icons";
import { ageOf } from "../ui/labels";

const PAGE = 100;
const FIELDS = ["user", "method", "from", "to"] as const;

/** The filter of the API that an address asks for; the last day is in it. */
function filter(query: URLSearchParams): Query {
  const [from, to] = [query.get("from") ?? "", query.get("to") ?? ""];
  return {
    "filter.user": query.get("user") ?? "",
    "filter.method": query.get("method") ?? "",
    "filter.only_failed": query.get("failed") === "1",
    "filter.start_time": from ? dayStart(from) : "",
    "filter.end_time": to ? dayStart(to, 1) : "",
  };
}

export default function audit({ query: first, update }: Context): View {
  const list = new Resource<ListAuditEntriesResponse>(update);
  let query = first;
  let more = false;

  function refresh(): void {
    void list.load(() => get("/v1/auditEntries", { ...filter(query), page_size: PAGE }));
  }

  async function next(token: string): Promise<void> {
    more = true;
    await list.load(async () => {
      const before = list.data?.entries ?? [];
      const page = await get<ListAuditEntriesResponse>("/v1/auditEntries", { ...filter(query), page_size: PAGE, page_token: token });
      return { ...page, entries: [...before, ...page.entries] };
    });
    more = false;
    update();
  }

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const given = Object.fromEntries(FIELDS.map((name) => [name, String(data.get(name) ?? "").trim()]));
    go(href("audit", { ...given, failed: data.get("failed") ? "1" : "" }));
  }

  function form(): TemplateResult {
    const value = (name: string): string => query.get(name) ?? "";
    return html`<form class="editor" role="search" aria-label=${t("audit.filter")} @submit=${submit}>
      <div class="fields">
        <label class="field"><span>${t("audit.user")}</span><input name="user" maxlength="80" autocapitalize="none" .value=${value("user")} /></label>
        <label class="field">
          <span>${t("audit.method")}</span>
          <input name="method" maxlength="200" spellcheck="false" placeholder="ngoclinh.media.v1.MediaService/CorrectArticle" .value=${value("method")} />
        </label>
        <label class="field short"><span>${t("audit.from")}</span><input type="date" name="from" .value=${value("from")} /></label>
        <label class="field short"><span>${t("audit.to")}</span><input type="date" name="to" .value=${value("to")} /></label>
      </div>
      <p class="bar">
        <label class="check"><input type="checkbox" name="failed" .checked=${value("failed") === "1"} /> ${t("audit.only_failed")}</label>
        <span class="grow"></span>
        <a class="button" download href=${address("/v1/auditEntries:export", filter(query))}>${icon("down")}${t("audit.export")}</a>
        <button class="button primary">${t("action.apply")}</button>
      </p>
    </form>`;
  }

  const row = (entry: AuditEntry): TemplateResult => html`<tr data-entry=${entry.name}>
    <td>${dateTime(entry.time)}</td>
    <th scope="row">${entry.user || "—"}<small class="muted">${entry.address}</small></th>
    <td>${entry.method.split("/").pop()}<small class="muted">${entry.method.split("/")[0]}</small></td>
    <td>${entry.resource}${entry.purpose ? html`<small class="muted">${entry.purpose}</small>` : nothing}</td>
    <td><span class="badge severity ${entry.outcome === "OK" ? "good" : "warning"}">${icon(entry.outcome === "OK" ? "check" : "warning")}${entry.outcome}</span></td>
  </tr>`;

  function table({ entries, next_page_token: token }: ListAuditEntriesResponse): TemplateResult {
    if (!entries.length) return html`<p class="empty">${t("audit.none")}</p>`;
    const heads = ["audit.time", "audit.user", "audit.method", "audit.resource", "audit.outcome"] as const;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("nav.audit")}>
        <table class="dense">
          <thead><tr>${heads.map((key) => html`<th scope="col">${t(key)}</th>`)}</tr></thead>
          <tbody>${entries.map(row)}</tbody>
        </table>
      </div>
      ${token ? html`<button class="button wide" ?disabled=${more} @click=${() => next(token)}>${t("action.more")}</button>` : nothing}`;
  }

  refresh();

  return {
    title: "nav.audit",
    refresh,
    arrived: () => undefined, // the reader asks; each look is itself an entry
    requery: (changed) => {
      query = changed;
      list.clear();
      refresh();
    },
    render: () => html`<section class="panel" aria-labelledby="audit-title">
      <header>
        <h2 id="audit-title">${t("audit.heading")}</h2>
        <span class="grow"></span>
        ${ageOf(list.loadedAt)}
      </header>
      ${form()} ${show(list, table)}
    </section>`,
  };
}

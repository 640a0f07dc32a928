/** `#/brief`: the press review of a day, to read, to download, to paste into Zalo. */
import { html } from "lit-html";
import { address, getText } from "../api/client";
import { isoDay } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { go, href, type Context, type View } from "../core/router";
import { watchArea, watchAreaTitle } from "../core/shell";
import { icon } from "../ui/icons";
import { ageOf } from "../ui/labels";
import { toast } from "../ui/toast";

export default function brief({ query: first, update }: Context): View {
  let query = first;
  const text = new Resource<string>(update);

  const day = (): string => query.get("date") ?? isoDay(-1);
  const link = (format: string): string => address("/v1/brief", { date: day(), format, watch_area: watchArea() });

  function refresh(): void {
    void text.load(() => getText("/v1/brief", { date: day(), format: "txt", watch_area: watchArea() }));
  }

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text.data ?? "");
      toast(t("brief.copied"));
    } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById("brief-text")!);
      getSelection()?.removeAllRanges();
      getSelection()?.addRange(range);
      toast(t("brief.selected"));
    }
  }

  refresh();

  return {
    title: "nav.brief",
    refresh,
    requery(next) {
      query = next;
      text.clear();
      refresh();
    },
    render: () => html`<section class="panel brief" aria-labelledby="brief-title">
      <header>
        <h2 id="brief-title">${t("brief.title", { area: watchAreaTitle() })}</h2>
        <span class="grow"></span>
        ${ageOf(text.loadedAt)}
      </header>
      <div class="bar">
        <label class="field short">
          <span>${t("time.day")}</span>
          <input
            type="date"
            max=${isoDay()}
            .value=${day()}
            @change=${(event: Event) => go(href("brief", { date: (event.target as HTMLInputElement).value }), true)}
          />
        </label>
        <a class="button primary" href=${link("docx")} download>${icon("down")}${t("brief.docx")}</a>
        <a class="button" href=${link("pdf")} download>${icon("down")}${t("brief.pdf")}</a>
        <button class="button" ?disabled=${!text.data} @click=${copy}>${icon("copy")}${t("brief.zalo")}</button>
      </div>
      ${show(text, (body) => html`<pre id="brief-text" class="brief-text" tabindex="0" role="region" aria-label=${t("brief.preview")}>${body}</pre>`)}
    </section>`,
  };
}

/** One article in a list: title, source and age, what the machine says, and the sentence that decided it. */
import { html, nothing, type TemplateResult } from "lit-html";
import { get } from "../api/client";
import type { Article, ListSourcesResponse } from "../api/messages";
import { t } from "../core/i18n";
import { age, badge, topicText } from "./labels";

const sourceTitles = new Map<string, string>();

/** Load the display names of the sources. */
export async function loadSources(): Promise<void> {
  const { sources } = await get<ListSourcesResponse>("/v1/sources", { page_size: 1000 });
  for (const { name, title } of sources) sourceTitles.set(name, title);
}

/** Display name of a source; its id until the names are loaded. */
export const sourceText = (name: string): string =>
  sourceTitles.get(name) || (name === "sources/manual" ? t("source.manual") : name.replace("sources/", ""));

/** The sentence that decided a head, shortened for a list. */
export function evidence(article: Article): string {
  const { stance, sentiment } = article.analysis ?? {};
  const judgement = stance?.label === "critical" && !stance.unsure ? stance : sentiment;
  return judgement?.sentences[0]?.text ?? article.excerpt ?? "";
}

interface Item {
  href: string;
  current?: boolean;
  /** Value of tabindex in a list with roving focus. */
  stop?: string;
  /** Show the extract around the hit instead of the deciding sentence. */
  excerpt?: boolean;
}

/** The item. */
export function articleItem(article: Article, { href, current = false, stop, excerpt = false }: Item): TemplateResult {
  const topics = article.analysis?.topics ?? [];
  const quote = excerpt ? article.excerpt : evidence(article);
  return html`<li class="article ${current ? "current" : ""}">
    <a
      href=${href}
      data-stop=${stop === undefined ? nothing : ""}
      tabindex=${stop ?? nothing}
      aria-current=${current ? "true" : nothing}
      data-article=${article.name}
    >
      <span class="article-title">${article.title || t("article.untitled")}</span>
    </a>
    ${quote && quote !== article.title ? html`<p class="quote">${quote}</p>` : nothing}
    <p class="article-foot">
      ${badge(article, "sentiment")}
      ${article.analysis?.stance?.label === "none" ? nothing : badge(article, "stance")}
      ${article.analysis?.complaint?.label === "yes" ? badge(article, "complaint") : nothing}
      ${topics.slice(0, 2).map((topic) => html`<span class="tag">${topicText(topic)}</span>`)}
      ${article.duplicate_of ? html`<span class="tag">${t("article.copy")}</span>` : nothing}
      ${article.withdrawn_time ? html`<span class="tag warn">${t("article.withdrawn")}</span>` : nothing}
      <span class="grow"></span>
      <span class="muted">${sourceText(article.source)}</span>
      ${age(article.publish_time)}
    </p>
  </li>`;
}

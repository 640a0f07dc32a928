/** One article in a list: title, source and age, what the machine says, and the sentence that decided it. */
import { html, nothing, type TemplateResult } from "lit-html";
import { get } from "../api/client";
import type { Article, ArticleKind, ListSourcesResponse } from "../api/messages";
import { t, tx } from "../core/i18n";
import { age, badge, corrected, topicText } from "./labels";

const sourceTitles = new Map<string, string>();

/** Load the display names of the sources. */
export async function loadSources(): Promise<void> {
  const { sources } = await get<ListSourcesResponse>("/v1/sources", { page_size: 1000 });
  for (const { name, title } of sources) sourceTitles.set(name, title);
}

/** Display name of a source; its id until the names are loaded. */
export const sourceText = (name: string): string =>
  sourceTitles.get(name) || (name === "sources/manual" ? t("source.manual") : name.replace("sources/", ""));

const UNTITLED_CHARS = 90;
const PLAIN_KINDS: ArticleKind[] = ["ARTICLE_KIND_UNSPECIFIED", "ARTICLE_KIND_NEWS"];

/** The headline; of a post or comment without one the start of its text. */
export function titleText({ title, excerpt, text }: Article): string {
  const start = (excerpt || text).trim();
  return title || (start.length > UNTITLED_CHARS ? `${start.slice(0, UNTITLED_CHARS)}…` : start) || t("article.untitled");
}

/** What kind of text it is, where it is no news. */
export const kindTag = ({ kind }: Article): TemplateResult | typeof nothing =>
  PLAIN_KINDS.includes(kind) ? nothing : html`<span class="tag">${tx(`kind.${kind}`)}</span>`;

/** The sentence that decided a head, else an extract: what the headline does not say already. */
export function evidence(article: Article): string {
  const { stance, sentiment } = article.analysis ?? {};
  const judgement = stance?.label === "critical" && !stance.unsure ? stance : sentiment;
  const sentence = judgement?.sentences[0]?.text.trim() ?? "";
  const known = titleText(article).replace(/…$/, "");
  return sentence && !known.startsWith(sentence) ? sentence : article.excerpt.startsWith(known) ? "" : article.excerpt;
}

/** Does a head say something that a list should show: sure, and not what most articles say. */
function telling({ analysis }: Article, head: "stance" | "complaint", usual: string): boolean {
  const judgement = analysis?.[head];
  return Boolean(judgement && judgement.label !== usual && (!judgement.unsure || corrected(analysis, head)));
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
      <span class="article-title">${titleText(article)}</span>
    </a>
    ${quote && quote !== article.title ? html`<p class="quote">${quote}</p>` : nothing}
    <p class="article-foot">
      ${kindTag(article)} ${badge(article, "sentiment")}
      ${telling(article, "stance", "none") ? badge(article, "stance") : nothing}
      ${telling(article, "complaint", "no") ? badge(article, "complaint") : nothing}
      ${topics.slice(0, 2).map((topic) => html`<span class="tag">${topicText(topic)}</span>`)}
      ${article.duplicate_of ? html`<span class="tag">${t("article.copy")}</span>` : nothing}
      ${article.withdrawn_time ? html`<span class="tag warn">${t("article.withdrawn")}</span>` : nothing}
      <span class="grow"></span>
      <span class="muted">${sourceText(article.source)}</span>
      ${age(article.publish_time)}
    </p>
  </li>`;
}

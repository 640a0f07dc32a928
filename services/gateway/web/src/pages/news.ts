/** `#/news`: articles with search and filters, over time, and the chosen one beside the list. */
import { html, nothing, type TemplateResult } from "lit-html";
import type {
  Article,
  ListArticlesResponse,
  ListSourcesResponse,
  Situation,
  SummarizeArticlesResponse,
} from "../api/messages";
import { address, get } from "../api/client";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { go, type Context, type View } from "../core/router";
import { watchArea } from "../core/shell";
import { articleDetail } from "../ui/article";
import { articleItem } from "../ui/articles";
import { icon } from "../ui/icons";
import { roving, tabStop } from "../ui/roving";
import { loadCharts, timeline } from "../ui/timeline";
import { chartDays, filterForm, newsFilter, newsHref, presets } from "./newsfilter";

const PAGE = 50;
const FORMATS = ["xlsx", "csv", "jsonl"] as const;

export default function news({ query: first, update }: Context): View {
  let query = first;
  const list = new Resource<ListArticlesResponse>(update);
  const counts = new Resource<SummarizeArticlesResponse>(update);
  const detail = new Resource<Article>(update);
  const sources = new Resource<ListSourcesResponse>(update);
  const places = new Resource<Situation>(update);
  const wide = matchMedia("(min-width: 1100px)");
  let filtersOpen = false;
  let stale = false; // newer articles may be there

  const name = (): string => (query.get("article") ? `articles/${query.get("article")}` : "");

  function refresh(): void {
    stale = false;
    const filter = newsFilter(query);
    void list.load(() => get<ListArticlesResponse>("/v1/articles", { ...filter, page_size: PAGE })).then(openFirst);
    void counts.load(() => get("/v1/articles:summarize", { ...filter, interval: "TIME_INTERVAL_DAY" }));
  }

  /** On a wide screen the first article is open from the start. */
  function openFirst(): void {
    const [newest] = list.data?.articles ?? [];
    if (newest && !name() && wide.matches) open(newest.name);
    else if (name() && detail.data?.name !== name()) open(name());
  }

  function open(article: string): void {
    if (detail.data?.name !== article) detail.clear();
    void detail.load(() => get<Article>(`/v1/${article}`));
  }

  async function more(): Promise<void> {
    const token = list.data?.next_page_token;
    if (!token) return;
    const before = list.data!.articles;
    await list.load(async () => {
      const next = await get<ListArticlesResponse>("/v1/articles", { ...newsFilter(query), page_size: PAGE, page_token: token });
      return { ...next, articles: [...before, ...next.articles] };
    });
  }

  function replace(article: Article): void {
    detail.data = article;
    const articles = list.data?.articles ?? [];
    if (list.data) list.data.articles = articles.map((one) => (one.name === article.name ? { ...article, text: "" } : one));
    update();
  }

  function requery(next: URLSearchParams): void {
    const plain = (params: URLSearchParams): string => [...params].filter(([key]) => key !== "article").join("&");
    const moved = plain(next) !== plain(query);
    query = next;
    if (moved) {
      list.clear();
      detail.clear();
      refresh();
    } else if (name()) open(name());
  }

  refresh();
  loadCharts(update);
  void sources.load(() => get<ListSourcesResponse>("/v1/sources", { page_size: 200 }));
  void places.load(() => get<Situation>("/v1/situation", { watch_area: watchArea() }));

  const isOpen = (article: Article): boolean => article.name === (name() || detail.data?.name);

  function results({ articles, total_count, next_page_token }: ListArticlesResponse): TemplateResult {
    if (articles.length === 0) return html`<p class="empty">${t("news.none")}</p>`;
    const selected = articles.findIndex(isOpen);
    return html`<ul class="plain articles" @keydown=${roving} aria-label=${t("news.list", { n: num(total_count) })}>
        ${articles.map((one, index) =>
          articleItem(one, {
            href: newsHref(query, { article: one.name.split("/")[1] }),
            current: isOpen(one),
            stop: tabStop(index, selected),
            excerpt: Boolean(query.get("query")),
          }),
        )}
      </ul>
      ${next_page_token ? html`<button class="button wide" @click=${more} ?disabled=${list.loading}>${t("action.more")}</button>` : nothing}`;
  }

  function exports(): TemplateResult {
    const links = FORMATS.map((format) => {
      const target = address("/v1/articles:export", { ...newsFilter(query), format });
      return html`<a class="button small" href=${target} download>${icon("down")}${format.toUpperCase()}</a>`;
    });
    return html`<span class="exports" role="group" aria-label=${t("news.export")}>${links}</span>`;
  }

  function listPanel(): TemplateResult {
    const toggle = (): void => {
      filtersOpen = !filtersOpen;
      update();
    };
    return html`<section class="panel list-panel" aria-labelledby="list-title">
      <header>
        <h2 id="list-title">${list.data ? t("news.list", { n: num(list.data.total_count) }) : t("nav.news")}</h2>
        ${stale ? html`<button class="chip" @click=${refresh}>${t("news.fresh")}</button>` : nothing}
        <span class="grow"></span>
        ${exports()}
        <button class="button small only-narrow" aria-expanded=${filtersOpen ? "true" : "false"} @click=${toggle}>
          ${t("filter.title")}
        </button>
      </header>
      ${show(counts, (found) =>
        timeline(found.histogram, chartDays(query), (day) => go(newsHref(query, { from: day, to: day, days: "" }))),
      )}
      ${show(list, results)}
    </section>`;
  }

  return {
    title: "nav.news",
    refresh,
    requery,
    async arrived() {
      const { articles } = await get<ListArticlesResponse>("/v1/articles", { ...newsFilter(query), page_size: 1 });
      stale = articles[0]?.name !== list.data?.articles[0]?.name;
      update();
    },
    render: () => html`${presets(query)}
      <div class="news ${name() ? "reading" : ""} ${filtersOpen ? "filtering" : ""}">
        <aside class="panel" aria-label=${t("filter.title")}>
          ${filterForm(query, {
            areas: (places.data?.areas ?? []).flatMap(({ area }) => area ?? []),
            sources: sources.data?.sources ?? [],
            change: (next) => go(newsHref(query, next), true),
          })}
        </aside>
        ${listPanel()}
        <section class="panel detail" aria-label=${t("news.detail")}>
          ${detail.data || detail.error || detail.loading
            ? html`<a class="button small only-narrow" href=${newsHref(query, {})}>${icon("back")}${t("action.back")}</a>
                ${show(detail, (article) => articleDetail(article, { query: query.get("query") ?? "", changed: replace, update }))}`
            : html`<p class="empty">${t("news.choose")}</p>`}
        </section>
      </div>`,
  };
}

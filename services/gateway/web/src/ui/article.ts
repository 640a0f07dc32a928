/** One article in full: its text with the deciding sentence marked, and each judgement with buttons to correct it. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Article, Judgement, ParcelReference, PlaceMention } from "../api/messages";
import { ApiError, post } from "../api/client";
import { areaTitle } from "../core/areas";
import { dateTime, percent } from "../core/format";
import { t, tx } from "../core/i18n";
import { href } from "../core/router";
import { kindTag, sourceText, titleText } from "./articles";
import { icon } from "./icons";
import { age, HEADS, labelText, origin, topicText, TOPICS, corrected, type HeadName } from "./labels";
import { toast } from "./toast";

const FIRST: HeadName[] = ["sentiment", "stance", "complaint"];
const OTHERS: HeadName[] = ["event_valence", "toxicity"];

interface Options {
  query: string;
  /** The article as the server gives it back after a correction. */
  changed: (article: Article) => void;
  update: () => void;
}

async function correct(article: Article, change: Record<string, unknown>, { changed }: Options): Promise<void> {
  try {
    changed(await post<Article>(`/v1/${article.name}:correct`, change));
    toast(t("article.corrected"));
  } catch (error) {
    toast(ApiError.from(error).text(), true);
  }
}

/** One head: its labels as buttons, the one in force pressed; a click on another one corrects it. */
function head(article: Article, name: HeadName, options: Options, quoted: Set<string>): TemplateResult | typeof nothing {
  const judgement: Judgement | undefined = article.analysis?.[name];
  if (!judgement?.label) return nothing;
  const first = corrected(article.analysis, name) ? "" : (judgement.sentences[0]?.text ?? "");
  const sentence = quoted.has(first) ? "" : first; // one sentence often decides several heads
  quoted.add(first);
  return html`<div class="head" data-head=${name}>
    <h3 id="head-${name}">${t(`head.${name}`)}</h3>
    ${origin(article.analysis!, name)}
    <div class="segments" role="group" aria-labelledby="head-${name}">
      ${HEADS[name].map((label) => {
        const on = label === judgement.label;
        return html`<button
          class="${name} ${label} ${judgement.unsure && !corrected(article.analysis, name) ? "unsure" : ""}"
          aria-pressed=${on ? "true" : "false"}
          title=${on ? t("article.keep") : t("article.correct_to", { label: labelText(name, label) })}
          @click=${() => correct(article, { [name]: label }, options)}
        >
          ${labelText(name, label)}
        </button>`;
      })}
    </div>
    ${sentence ? html`<p class="quote" title=${t("article.evidence")}>“${sentence}”</p>` : nothing}
  </div>`;
}

function topics(article: Article, options: Options): TemplateResult {
  const now = article.analysis?.topics ?? [];
  const change = (event: Event): void => {
    const select = event.target as HTMLSelectElement;
    const [main, ...rest] = [select.value, ...now.filter((topic) => topic !== select.value)];
    void correct(article, { topics: [main, ...rest].slice(0, 5) }, options);
  };
  const human = corrected(article.analysis, "topics");
  return html`<div class="head" data-head="topics">
    <h3>${t("head.topics")}</h3>
    <span class="origin ${human ? "human" : ""}">${icon(human ? "person" : "machine")}${t(human ? "label.human" : "label.machine")}</span>
    <select aria-label=${t("article.main_topic")} @change=${change}>
      ${now.length ? nothing : html`<option value="" selected>—</option>`}
      ${TOPICS.map((code) => html`<option value=${code} ?selected=${code === now[0]}>${topicText(code)}</option>`)}
    </select>
    ${now.length > 1 ? html`<p class="muted">${now.slice(1).map(topicText).join(", ")}</p>` : nothing}
  </div>`;
}

/** The paragraphs of the text with the deciding sentences marked. */
function body(article: Article): TemplateResult {
  const sentences = (["stance", "sentiment", "event_valence"] as const)
    .filter((name) => !corrected(article.analysis, name))
    .flatMap((name) => article.analysis?.[name]?.sentences.slice(0, 1) ?? [])
    .map(({ text }) => text.trim())
    .filter(Boolean);
  const paragraphs = article.text.split(/\n{2,}/);
  return html`<div class="text">${paragraphs.map((paragraph) => html`<p>${marked(paragraph, sentences)}</p>`)}</div>`;
}

/** A text with the first of the sentences that it holds marked. */
export function marked(text: string, sentences: string[]): (string | TemplateResult)[] {
  const sentence = sentences.find((one) => text.includes(one));
  if (!sentence) return [text];
  const at = text.indexOf(sentence);
  return [
    text.slice(0, at),
    html`<mark title=${t("article.evidence")}>${sentence}</mark>`,
    ...marked(text.slice(at + sentence.length), sentences),
  ];
}

const place = (one: PlaceMention): TemplateResult => html`<li>
  ${icon("place")}<span>${one.text}</span>
  <span class="muted">${[one.area, ...one.current_areas.filter((name) => name !== one.area).slice(0, 3)].map(areaTitle).join(" → ")}, ${percent(one.score)}</span>
</li>`;

const parcel = (one: ParcelReference): TemplateResult => html`<li>
  ${icon("land")}<a href=${href("land", { commune: one.commune, sheet: one.sheet, number: one.parcel })}>${one.text}</a>
</li>`;

function facts(article: Article): TemplateResult {
  return html`<dl class="facts">
    ${article.places.length ? html`<dt>${t("article.places")}</dt><dd><ul class="plain inline">${article.places.map(place)}</ul></dd>` : nothing}
    ${article.parcel_references.length ? html`<dt>${t("article.parcels")}</dt><dd><ul class="plain inline">${article.parcel_references.map(parcel)}</ul></dd>` : nothing}
    ${article.documents.length ? html`<dt>${t("article.documents")}</dt><dd>${article.documents.join(", ")}</dd>` : nothing}
    <dt>${t("article.collected")}</dt>
    <dd>${dateTime(article.collect_time)}, ${t("article.revision", { n: article.revision })}${article.masked ? html`, ${t("article.masked")}` : nothing}</dd>
    ${article.analysis ? html`<dt>${t("article.models")}</dt><dd>${article.analysis.models.join(", ")}${article.analysis.truncated ? html`, ${t("article.truncated")}` : nothing}</dd>` : nothing}
  </dl>`;
}

/** Only http and https become links: an address comes from the page that was crawled. */
const webAddress = (url: string): string => (/^https?:\/\//i.test(url) ? url : "");

function takeDown(article: Article, options: Options): TemplateResult {
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const reason = String(new FormData(event.target as HTMLFormElement).get("reason") ?? "");
    try {
      options.changed(await post<Article>(`/v1/${article.name}:takeDown`, { reason }));
      toast(t("article.taken_down"));
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
  };
  return html`<details class="takedown">
    <summary>${t("article.take_down")}</summary>
    <form @submit=${submit}>
      <label class="field"><span>${t("article.reason")}</span><input name="reason" required minlength="3" maxlength="1000" />
        <small>${t("article.take_down_why")}</small></label>
      <button class="button danger">${t("article.take_down")}</button>
    </form>
  </details>`;
}

/** The article. */
export function articleDetail(article: Article, options: Options): TemplateResult {
  const url = webAddress(article.url);
  const quoted = new Set<string>([""]);
  const precision = tx(`precision.${article.publish_time_precision}`);
  return html`<article class="article-detail" data-article=${article.name}>
    <h2>${titleText(article)}</h2>
    <p class="article-foot">
      <b>${sourceText(article.source)}</b> ${kindTag(article)}
      <span>${dateTime(article.publish_time)}</span>
      ${age(article.publish_time)}
      ${precision ? html`<span class="muted">(${precision})</span>` : nothing}
      ${url ? html`<a href=${url} target="_blank" rel="noreferrer noopener">${icon("link")}${t("article.open")}</a>` : nothing}
      ${article.duplicate_of ? html`<a class="tag" href=${href("news", { article: article.duplicate_of.split("/")[1] })}>${t("article.copy_of")}</a>` : nothing}
      ${article.withdrawn_time ? html`<span class="tag warn">${t("article.withdrawn")} ${age(article.withdrawn_time)}</span>` : nothing}
    </p>
    ${article.analysis
      ? html`<section class="heads" aria-label=${t("article.analysis")}>
          <p class="muted">${t("article.how_to_correct")}</p>
          ${FIRST.map((name) => head(article, name, options, quoted))} ${topics(article, options)}
          <details>
            <summary>${t("article.other_labels")}</summary>
            ${OTHERS.map((name) => head(article, name, options, quoted))}
          </details>
        </section>`
      : html`<p class="muted">${t("article.not_analysed")}</p>`}
    ${article.lead ? html`<p class="lead-text">${article.lead}</p>` : nothing} ${body(article)} ${facts(article)}
    ${article.withdrawn_time ? nothing : takeDown(article, options)}
  </article>`;
}
